"""Packed rows decoded back to text, to be looked at before a run costs money.

Covers: the prompt with its special tokens visible, the label as the hosts decode it, token counts
and length percentiles.
Does not cover: a judgement; `msrl-ext doctor` checks.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from mindspeed_rl_ext.core.errors import InputError
from mindspeed_rl_ext.preprocess.options import LABELS
from mindspeed_rl_ext.preprocess.packing.packed import PackedDataset, report_file
from mindspeed_rl_ext.preprocess.templates.tokenizer import Tokenizer

UNDECODED = ("input_ids", "attention_mask")


@dataclass(frozen=True)
class PreviewRow:
    """One decoded row.

    Args:
        index: its place in the packed files.
        prompt: the text of input_ids, special tokens included.
        tokens: length of input_ids.
        texts: every other key decoded, special tokens skipped as the hosts do.
        text_tokens: their lengths.
    """

    index: int
    prompt: str
    tokens: int
    texts: dict[str, str]
    text_tokens: dict[str, int]


def decode_rows(data: PackedDataset, tokenizer: Tokenizer, count: int) -> Iterator[PreviewRow]:
    """Decodes the first rows.

    Args:
        data: packed files.
        tokenizer: the one they were made with.
        count: how many rows.
    """
    for index in range(min(count, len(data))):
        row = data[index]
        beside = {key: ids for key, ids in row.items() if key not in UNDECODED}
        yield PreviewRow(
            index=index,
            prompt=tokenizer.decode(row["input_ids"].tolist()),
            tokens=len(row["input_ids"]),
            texts={key: _text(tokenizer, key, ids.tolist()) for key, ids in beside.items()},
            text_tokens={key: len(ids) for key, ids in beside.items()},
        )


def recorded_tokenizer(prefix: str | Path) -> str:
    """The tokenizer directory that the report of these files names.

    Raises:
        InputError: there is no report, or it names none.
    """
    path = report_file(prefix)
    try:
        named = json.loads(path.read_text(encoding="utf-8")).get("tokenizer")
    except (OSError, ValueError, AttributeError) as error:
        raise InputError(
            f"no readable report beside the files: {path}",
            found=str(error),
            remedy="give --tokenizer-name-or-path",
        ) from error
    if not named or not Path(named).is_dir():
        raise InputError(
            f"the tokenizer that {path.name} names is not here",
            found=str(named),
            remedy="give --tokenizer-name-or-path",
        )
    return str(named)


def _text(tokenizer: Tokenizer, key: str, ids: list[int]) -> str:
    if key == LABELS and any(i < 0 for i in ids):
        return "(masked with negative ids: made by an instruction handler, not prompt-only)"
    return tokenizer.decode(ids, skip_special_tokens=True)
