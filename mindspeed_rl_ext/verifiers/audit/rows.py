"""The rows of a rollouts file, for scoring: read with their lines, found again, scored.

Covers: the column of the reference answer, what is taken out of it, the columns that verifiers
need, one row by its id or line.
Does not cover: the row itself; `core.responses.rollouts` describes it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from mindspeed_rl_ext.core.errors import InputError
from mindspeed_rl_ext.core.files.jsonlines import read_jsonl
from mindspeed_rl_ext.core.responses.answers import (
    Extractor,
    NoAnswerError,
    extract_label,
    parse_extractor,
)
from mindspeed_rl_ext.core.responses.rollouts import (
    OPTIONAL_COLUMNS,
    Rollout,
    from_row,
    verdict_rows,
)
from mindspeed_rl_ext.verifiers.api import BoundVerifier
from mindspeed_rl_ext.verifiers.scoring import Result

ANSWER = "answer"
_SHOWN_NAMES = 10
_SHOWN_CHARS = 200


@dataclass(frozen=True)
class Row:
    """A rollout and its line in the file, the first being 1."""

    line: int
    rollout: Rollout


def read_rows(path: Path, column: str = ANSWER, extractor: str = "none") -> list[Row]:
    """Reads a rollouts file.

    Args:
        path: JSON Lines.
        column: where the reference answer stands.
        extractor: how it is taken out, as `--label-extractor` names it. A reference that is not
            found there is empty: verifiers count the row as BAD_REFERENCE.

    Raises:
        InputError: no rows, or a line that is no rollout.
    """
    finder = None if extractor == "none" else parse_extractor(extractor)
    rows = []
    for line, found in read_jsonl(path):
        place = f"{path}, line {line}"
        table = _with_answer(found, column, finder, place)
        rows.append(Row(line, from_row(table, place, default_id=f"line {line}")))
    if not rows:
        raise InputError(f"{path} has no rows", remedy="give a file with rollouts")
    return rows


def _with_answer(
    found: Mapping[str, Any], column: str, finder: Extractor | None, place: str
) -> Mapping[str, Any]:
    if column not in found and column != ANSWER:
        raise InputError(
            f"{place} has no column {column!r}",
            found=f"columns {', '.join(sorted(found))}"[:_SHOWN_CHARS],
            remedy="name the column of the reference answer with --answer-column",
        )
    if column not in found or finder is None:
        return found if column == ANSWER else {**found, ANSWER: found[column]}
    try:
        return {**found, ANSWER: extract_label(found[column], finder).text}
    except NoAnswerError:
        return {**found, ANSWER: ""}


def find_row(rows: Sequence[Row], wanted: str, path: Path) -> Rollout:
    """The row of an id, or of `line N`; an id wins over a line of the same text.

    Raises:
        InputError: no such row, with the nearest ids or how many rows there are.
    """
    by_name = {f"line {row.line}": row.rollout for row in rows}
    by_name.update({str(row.rollout.id): row.rollout for row in reversed(rows)})
    if wanted in by_name:
        return by_name[wanted]
    names = [str(row.rollout.id) for row in rows]
    close = get_close_matches(wanted, names, n=3)
    if close:
        remedy = f"did you mean {' or '.join(close)}?"
    elif len(names) <= _SHOWN_NAMES:
        remedy = f"known: {', '.join(names)}"
    else:
        remedy = f"an id such as {names[0]!r}, or a line from 'line 1' to 'line {rows[-1].line}'"
    raise InputError(f"{path} has no row with the id {wanted!r}", remedy=remedy)


def read_columns(
    rows: Sequence[Row], bound: Sequence[BoundVerifier], path: Path
) -> dict[str, list[Any]]:
    """The columns that the verifiers take beside the answer.

    Raises:
        InputError: a row lacks one that is needed.
    """
    needs = {need for one in bound for need in one.needs} - {ANSWER}
    wants = {name for one in bound for name in one.columns} - needs - {ANSWER}
    columns = {n: [_required_cell(row.rollout, n, path) for row in rows] for n in sorted(needs)}
    return columns | {n: [cell(row.rollout, n) for row in rows] for n in sorted(wants)}


def cell(rollout: Rollout, column: str) -> Any:
    """The value of a column, None where the row has none."""
    if column == ANSWER or column in OPTIONAL_COLUMNS:
        return getattr(rollout, column)
    return rollout.extra.get(column)


def _required_cell(rollout: Rollout, need: str, path: Path) -> Any:
    value = cell(rollout, need)
    if value is None:
        found = ", ".join(sorted(rollout.to_row()))
        raise InputError(
            f"{path}: row {rollout.id} has no column {need!r}, which a verifier needs",
            found=f"columns {found[:_SHOWN_CHARS]}",
            remedy="add the column, or leave the verifier out",
        )
    return value


def scored_rollouts(rows: Sequence[Row], result: Result) -> list[Rollout]:
    """The rollouts with their rewards and verdicts."""
    return [
        replace(row.rollout, reward=result.rewards[i], verdicts=verdict_rows(result.verdicts, i))
        for i, row in enumerate(rows)
    ]
