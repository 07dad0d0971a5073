"""One row of verl's Parquet file out of a record.

Covers: the columns that verl reads, all of them text; rows that are in that format already, whose
own source, ability and index are kept; nothing of the response but the reference answer.
Does not cover: writing them, `writer` does.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mindspeed_rl_ext.core.errors import InputError
from mindspeed_rl_ext.core.responses.answers import canonical_text
from mindspeed_rl_ext.preprocess.record import Record, Row
from mindspeed_rl_ext.preprocess.templates.chat_template import Message

COLUMNS = ("data_source", "prompt", "ability", "reward_model", "extra_info")
STYLE = "rule"
TRAIN, TEST = "train", "test"


def is_verl_row(data: Mapping[str, Any]) -> bool:
    """Whether a row is in verl's format already: a chat, and a reference in `reward_model`.

    Example:
        >>> is_verl_row({"prompt": [], "reward_model": {"ground_truth": "7"}})
        True
    """
    reward = data.get("reward_model")
    return (
        isinstance(data.get("prompt"), list)
        and isinstance(reward, Mapping)
        and "ground_truth" in reward
    )


def verl_row(
    row: Row,
    record: Record,
    messages: list[Message],
    *,
    data_source: str,
    default_source: str,
    split: str,
) -> dict[str, Any]:
    """The columns of one row.

    Args:
        row: as it was read.
        record: what it says.
        messages: its prompt.
        data_source: what the reward goes by; the row's own where "".
        default_source: where the row has none.
        split: "train" or "test".
    """
    own: Mapping[str, Any] = row.data if is_verl_row(row.data) else {}
    extra = own.get("extra_info")
    index = extra.get("index") if isinstance(extra, Mapping) else None
    place = f"{row.file}:{row.line}" if row.file else str(row.line)
    return {
        "data_source": data_source or _text(row.data.get("data_source")) or default_source,
        "prompt": messages,
        "ability": _text(own.get("ability")),
        "reward_model": {
            "style": _text(own["reward_model"].get("style")) or STYLE if own else STYLE,
            "ground_truth": record.label or "",
        },
        "extra_info": {
            "split": split,
            "index": place if index is None else _text(index),
            "question": record.prompt.text,
        },
        **record.columns,
    }


def require_free_names(names: tuple[str, ...]) -> None:
    """Raises InputError where an additional column has the name of one of verl's."""
    taken = sorted({*names} & {*COLUMNS})
    if taken:
        raise InputError(
            f"dataset-additional-keys can't be {taken[0]} with --format verl",
            found="verl reads a column of that name",
            remedy="rename the column",
        )


def _text(value: Any) -> str:
    return "" if value is None else canonical_text(value)
