"""maj@k: the answer that most responses to a problem give.

Covers: answers in equivalence classes, decided by the rules of `equivalent` without its symbolic
stage (so that k * k comparisons stay cheap; a pair that only sympy can decide stays apart); a tie
for the most votes counts the share of the tied classes that are right, as drawing one of them would
on average.
Does not cover: weights by length or by probability.

Example:
    >>> vote(["1/2", "0.5", "3", None], [True, True, False, False])
    Vote(value=1.0, tied=1, votes=2, answer='1/2')
    >>> vote(["1", "2"], [True, False]).value
    0.5
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mindspeed_rl_ext.verifiers import Outcome, Policy, equivalent

_RULES_ONLY = Policy(symbolic=False)


@dataclass(frozen=True)
class Vote:
    """The result of one vote.

    Args:
        value: 1 where the most frequent answer is right; with a tie the share of right ones.
        tied: how many classes share the most votes; 0 where nothing was voted for.
        votes: how many responses gave the winner.
        answer: the first winner, "" where there is none.
    """

    value: float
    tied: int
    votes: int
    answer: str


def vote(answers: Sequence[str | None], right: Sequence[bool]) -> Vote:
    """Votes over the responses to one problem.

    Args:
        answers: what each response answers; None or "" where it does not.
        right: whether each was found right; a class is right if its first member is.
    """
    classes: list[list[int]] = []
    for index, answer in enumerate(answers):
        if not answer:
            continue
        home = next((c for c in classes if _same(answer, answers[c[0]] or "")), None)
        if home is None:
            classes.append([index])
        else:
            home.append(index)
    if not classes:
        return Vote(0.0, 0, 0, "")
    most = max(map(len, classes))
    winners = [c for c in classes if len(c) == most]
    value = sum(right[c[0]] for c in winners) / len(winners)
    return Vote(value, len(winners), most, answers[winners[0][0]] or "")


def _same(left: str, right: str) -> bool:
    return equivalent(left, right, policy=_RULES_ONLY).outcome is Outcome.CORRECT
