"""A corpus of our own: whole responses with the outcome that a reader would give them.

Each row of `corpus/responses.jsonl` was written for this package, with a note on what it shows, so
that a fresh clone proves what verifiers read without any data beside it.
"""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from mindspeed_rl_ext.verifiers import Outcome, parse_spec, resolve

ROWS = [
    json.loads(line)
    for line in (Path(__file__).parent / "corpus" / "responses.jsonl")
    .read_text(encoding="utf-8")
    .splitlines()
]
NAMES = sorted({parse_spec(row["verifier"]).name for row in ROWS})


@pytest.mark.parametrize("name", NAMES)
def test_every_response_has_the_outcome_that_a_reader_gives_it(name: str) -> None:
    other = []
    for row in ROWS:
        bound = resolve(row["verifier"])
        if bound.name == name:
            columns = {column: row[column] for column in bound.columns if column in row}
            verdict = bound(row["response"], **columns)
            if verdict.outcome.value != row["outcome"]:
                other.append((row["note"], row["response"], row["outcome"], verdict))
    assert other == []


def test_the_corpus_is_large_and_has_both_sides_for_every_verifier() -> None:
    assert len(ROWS) >= 250
    for name in NAMES:
        counts = Counter(
            row["outcome"] == Outcome.CORRECT.value
            for row in ROWS
            if parse_spec(row["verifier"]).name == name
        )
        assert counts[True] >= 2, name
        assert counts[False] >= 2, name


def test_no_row_stands_twice_and_each_says_what_it_shows() -> None:
    keys = [(r["verifier"], r["response"], r.get("answer"), r.get("prompt")) for r in ROWS]
    assert len(set(keys)) == len(keys)
    assert all(row["note"] for row in ROWS)
