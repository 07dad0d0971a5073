"""Answers as datasets and models write them: a table of pairs made by hand, both ways."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from mindspeed_rl_ext.verifiers import Outcome, Policy, equivalent
from mindspeed_rl_ext.verifiers.pool.symbolic import available

TABLE = Path(__file__).parent / "pairs" / "answers.txt"


def pairs(mark: str) -> Iterator[tuple[str, str]]:
    """Each pair of a kind, in both orders."""
    for line in TABLE.read_text(encoding="utf-8").splitlines():
        if line.startswith(f"{mark} "):
            one, two = line[2:].split(" ;; ")
            yield from ((one, two), (two, one))


def test_the_table_is_large_enough_to_mean_something() -> None:
    assert len(list(pairs("="))) > 600
    assert len(list(pairs("!"))) > 300


def test_what_is_the_same_is_accepted() -> None:
    if available():
        pytest.skip("some pairs only sympy decides")
    refused = [pair for pair in pairs("=") if equivalent(*pair).outcome is not Outcome.CORRECT]
    assert refused == []


def test_without_sympy_nearly_all_is_accepted() -> None:
    found = [equivalent(*pair, policy=Policy(symbolic=False)) for pair in pairs("=")]
    accepted = sum(said.outcome is Outcome.CORRECT for said in found)
    assert accepted / len(found) >= 0.96


def test_what_is_not_the_same_is_never_accepted() -> None:
    accepted = [pair for pair in pairs("!") if equivalent(*pair).outcome is Outcome.CORRECT]
    assert accepted == []
