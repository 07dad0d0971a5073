"""Whether the reference answers of a data set can be compared at all: each with itself.

Covers: JSON Lines rows; the answer is taken as `preprocess --label-extractor` takes it. A reference
that does not equal itself, dressed in a box and dollar signs, would score every right response
wrong.
Does not cover: whether a reference is right.
"""

from __future__ import annotations

from dataclasses import dataclass
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
from mindspeed_rl_ext.core.responses.text import last_boxed
from mindspeed_rl_ext.verifiers.equivalence import equivalent
from mindspeed_rl_ext.verifiers.verdict import Outcome


@dataclass(frozen=True)
class Checked:
    """How many references were compared, and a line for each that failed."""

    count: int
    faults: list[str]


def check_references(path: Path, column: str = "answer", extractor: str = "auto") -> Checked:
    """Compares each reference of a file with itself, written as a response would write it.

    Args:
        path: JSON Lines.
        column: where the reference stands.
        extractor: how the answer is taken out, as `preprocess --label-extractor` reads it.

    Raises:
        InputError: the file has no rows, a row lacks the column, an unknown extractor.
    """
    finder = parse_extractor(extractor)
    count, faults = 0, []
    for number, row in read_jsonl(path):
        if column not in row:
            raise InputError(
                f"{path}, line {number} has no column {column!r}",
                found=f"columns {', '.join(sorted(row))}",
                remedy="name it with --answer-column",
            )
        count += 1
        fault = _fault(row[column], finder)
        if fault:
            faults.append(f"line {number}: {fault}")
    if not count:
        raise InputError(f"{path} has no rows", remedy="give a data set")
    return Checked(count, faults)


def _fault(value: Any, finder: Extractor) -> str:
    try:
        return reference_fault(extract_label(value, finder).text)
    except NoAnswerError as error:
        return f"no reference answer: {error}"


def reference_fault(reference: str | None) -> str:
    """Why a reference cannot be compared, or "": it must equal itself, boxed and in dollars.

    Example:
        >>> reference_fault("1/2"), reference_fault(" ")
        ('', 'no reference answer')
    """
    if reference is None or not reference.strip():
        return "no reference answer"
    response = rf"so it is \boxed{{{reference}}}."
    for written in (last_boxed(response) or "", f"${reference}$"):
        verdict = equivalent(written, reference)
        if verdict.outcome is not Outcome.CORRECT:
            return f"{reference[:80]!r}: {verdict.outcome.value}, {verdict.reason}"
    return ""
