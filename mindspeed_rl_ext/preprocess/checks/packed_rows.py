"""Whether packed rows are prompts and nothing else, whoever packed them.

Covers: one system block at most; an end that opens the assistant's turn, with nothing behind it;
no answer given in the question; labels that are answers, not masked training targets; ids and
lengths that a reader can use.
Does not cover: templates without chat markers beyond the answer at the end; which template it is.

Example:
    >>> prompt_problem("<|im_start|>user\\n1 + 1 = ?<|im_end|>\\n<|im_start|>assistant\\n2", "2")[0]
    'text_after_header'
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from mindspeed_rl_ext.preprocess.checks.prompts import (
    SYSTEM_MARKERS,
    TURN_MARKERS,
    check_leak,
    occurrences,
)
from mindspeed_rl_ext.preprocess.options import LABELS
from mindspeed_rl_ext.preprocess.packing.packed import Ids, PackedDataset
from mindspeed_rl_ext.preprocess.record import Prompt, Record, RejectError
from mindspeed_rl_ext.preprocess.templates.tokenizer import Tokenizer

IGNORED = -100
# What opens the assistant's turn, by family, and a prefilled tag after it.
HEADERS = (
    "<|im_start|>assistant",
    "<|start_header_id|>assistant<|end_header_id|>",
    "<start_of_turn>model",
    "<|assistant|>",
    "<｜Assistant｜>",
    "[/INST]",
)
_AFTER_HEADER = re.compile(r"\s*(?:<think>\s*)?")
_TURN_END = re.compile(r"(?:<\|im_end\|>|<\|eot_id\|>|<end_of_turn>|\s)+$")


@dataclass(frozen=True)
class Problem:
    """What is wrong with one packed row.

    Args:
        kind: what is counted.
        row: its place in the files.
        detail: what was found.
    """

    kind: str
    row: int
    detail: str


def problems(data: PackedDataset, tokenizer: Tokenizer, rows: Iterable[int]) -> Iterator[Problem]:
    """Yields what is wrong with the given rows; at most the first thing of each.

    Args:
        data: packed files.
        tokenizer: the one they were made with.
        rows: which rows.
    """
    for row in rows:
        found = _ids_problem(data[row]) or _text_problem(data[row], tokenizer)
        if found:
            yield Problem(found[0], row, found[1])


def is_masked(labels: Ids) -> bool:
    """Whether labels are training targets: ignored on the prompt, tokens on the response."""
    return bool((labels == IGNORED).any())


def prompt_problem(text: str, label: str | None) -> tuple[str, str] | None:
    """What is wrong with a decoded prompt, as (kind, detail); None where nothing is.

    Args:
        text: the prompt, with its special tokens.
        label: the reference answer, None where there is none.
    """
    blocks = occurrences(text, SYSTEM_MARKERS)
    if len(blocks) > 1:
        return "second_system_block", f"{len(blocks)} system blocks"
    body, after = split_at_header(text)
    if after is None and occurrences(text, TURN_MARKERS):
        return "no_assistant_header", f"ends with {text[-40:]!r}"
    if after:
        return "text_after_header", f"{after[:80]!r} follows the assistant's header"
    try:
        check_leak(Record(Prompt(_TURN_END.sub("", body)), label=label))
    except RejectError as rejected:
        return rejected.reason.value, rejected.detail
    return None


def split_at_header(text: str) -> tuple[str, str | None]:
    """Splits a prompt at its last assistant header.

    Returns:
        What comes before it, and what comes after it without white space and an opened `<think>`;
        None for the second where there is no header.
    """
    at, header = max((text.rfind(header), header) for header in HEADERS)
    if at < 0:
        return text, None
    rest = text[at + len(header) :]
    opened = _AFTER_HEADER.match(rest)
    return text[:at], rest[opened.end() if opened else 0 :]


def _ids_problem(row: Mapping[str, Ids]) -> tuple[str, str] | None:
    prompt = row["input_ids"]
    if not len(prompt):
        return "empty_prompt", "input_ids has no tokens"
    if (prompt < 0).any():
        return "negative_ids", f"input_ids holds {int(prompt.min())}"
    labels = row.get(LABELS)
    if labels is not None:
        if is_masked(labels):
            return "masked_labels", "labels are -100 on the prompt: the response is in input_ids"
        if not len(labels):
            return "empty_label", "labels has no tokens"
        if (labels < 0).any():
            return "negative_ids", f"labels holds {int(labels.min())}"
    mask = row.get("attention_mask")
    if mask is not None and len(mask) != len(prompt):
        return "mask_length", f"{len(mask)} values of attention_mask for {len(prompt)} input_ids"
    if mask is not None and (mask != 1).any():
        return "mask_not_ones", "attention_mask hides tokens of the prompt"
    return None


def _text_problem(row: Mapping[str, Ids], tokenizer: Tokenizer) -> tuple[str, str] | None:
    label = None
    if LABELS in row:
        ids = row[LABELS].tolist()
        label = tokenizer.decode(ids, skip_special_tokens=True)
        if not label.strip():
            return "empty_label", "labels decode to no text"
        if label != tokenizer.decode(ids):
            return "special_in_label", f"decodes to {label[:80]!r} without special tokens"
    return prompt_problem(tokenizer.decode(row["input_ids"].tolist()), label)
