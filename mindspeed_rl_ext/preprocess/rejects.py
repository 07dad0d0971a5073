"""The lines of `<prefix>_rejects.jsonl`, and what to do where one reason takes every row.

Covers: an error where no row is left; one JSON object a dropped row, with its place, reason, detail
and content. A duplicate is not copied: its place says where it is, and some data sets repeat each
row a hundred times.
Does not cover: finding reasons; `pipeline` does.
"""

from __future__ import annotations

import json
from typing import Any

from mindspeed_rl_ext.core.errors import InputError
from mindspeed_rl_ext.preprocess.record import Reason, RejectError, Row
from mindspeed_rl_ext.preprocess.report import Counts, format_counts

REMEDIES = {
    Reason.SECOND_SYSTEM_BLOCK.value: "name the column of the raw question in --map-keys, or give "
    "--prompt-type empty where a template is applied already",
    Reason.TOO_LONG.value: "raise --max-prompt-length or --seq-length",
    Reason.TOOLS.value: "leave the column of tools out of --map-keys if it does not matter",
    Reason.ANSWER_IN_PROMPT.value: "name a prompt column without the answer in --map-keys",
    Reason.ANSWER_NOT_FOUND.value: "choose another --label-extractor; none takes it whole",
}


def reject_line(row: Row, rejected: RejectError) -> bytes:
    """One line of the rejects file."""
    entry: dict[str, Any] = {"file": row.file} if row.file else {}
    entry |= {"line": row.line, "reason": rejected.reason.value, "detail": rejected.detail}
    if rejected.reason is not Reason.DUPLICATE:
        entry["row"] = row.data
    try:
        return _json(entry, ensure_ascii=False).encode("utf-8") + b"\n"
    except UnicodeEncodeError:
        # A lone surrogate: written as an escape.
        return _json(entry, ensure_ascii=True).encode("ascii") + b"\n"


def _json(entry: dict[str, Any], *, ensure_ascii: bool) -> str:
    try:
        return json.dumps(entry, ensure_ascii=ensure_ascii, default=str, allow_nan=False)
    except ValueError:
        # JSON has no NaN: such a row is kept as the text that Python shows of it.
        entry = {**entry, "row": repr(entry.get("row"))}
        return json.dumps(entry, ensure_ascii=ensure_ascii, default=str)


def require_kept(source: str, counts: Counts) -> None:
    """Raises InputError where no row was kept, with the counts and what the first reason asks."""
    if not counts.total:
        raise InputError(f"{source} has no rows", expected="one row at least")
    if not counts.kept + counts.held_out:
        most, _ = counts.dropped.most_common(1)[0]
        first = counts.first_reject and f"; {counts.first_reject}"
        usual = "check --map-keys, --label-extractor and the length limits"
        raise InputError(
            f"all {counts.total} rows of {source} were rejected",
            found=format_counts(counts.dropped) + first,
            remedy=REMEDIES.get(most, usual),
        )
