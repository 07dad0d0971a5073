"""The corpus of our own: pairs by family, positives and negatives; each family has its floor."""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path

import pytest

from mindspeed_rl_ext.verifiers import Outcome, Policy, equivalent
from mindspeed_rl_ext.verifiers.pool.symbolic import available

CORPUS = Path(__file__).parent / "corpus" / "equivalence.jsonl"
FLOOR = 0.9
# What only mpmath decides, which comes with math-verify's sympy.
NEEDS_DIGITS = {"nested roots", "identities", "roots with names"}


def rows_by_family() -> dict[str, list[dict]]:
    found: dict[str, list[dict]] = defaultdict(list)
    for line in CORPUS.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        found[row["family"]].append(row)
    return dict(found)


FAMILIES = rows_by_family()


def test_the_corpus_is_large_enough_to_mean_something() -> None:
    rows = [row for family in FAMILIES.values() for row in family]
    assert len(rows) >= 600
    assert len(FAMILIES) >= 45
    assert sum(not row["label"] for row in rows) >= 150
    assert len({(row["prediction"], row["gold"]) for row in rows}) == len(rows)


@pytest.mark.parametrize("family", sorted(FAMILIES))
def test_no_wrong_answer_of_a_family_is_accepted(family: str) -> None:
    wrong = [row for row in FAMILIES[family] if not row["label"]]
    accepted = []
    for row in wrong:
        for pair in ((row["prediction"], row["gold"]), (row["gold"], row["prediction"])):
            if equivalent(*pair).outcome is Outcome.CORRECT:
                accepted.append(pair)
    assert accepted == []


@pytest.mark.parametrize("family", sorted(FAMILIES))
def test_the_right_answers_of_a_family_are_accepted(family: str) -> None:
    if available() and family in NEEDS_DIGITS:
        pytest.skip("needs mpmath, which comes with math-verify")
    right = [row for row in FAMILIES[family] if row["label"]]
    policy = Policy(symbolic=False)
    refused = []
    for row in right:
        for pair in ((row["prediction"], row["gold"]), (row["gold"], row["prediction"])):
            if equivalent(*pair, policy=policy).outcome is not Outcome.CORRECT:
                refused.append(pair)
    assert len(refused) <= (1 - FLOOR) * 2 * len(right), refused
