"""math-verify as people use it alone, on a whole response, inside a worker that can be killed.

Covers: one response. It is a second opinion for `msrl-ext score --compare`, not a reward: it takes
a right box in the thinking, a sentence that hedges, and more.
Does not cover: our own comparison, which asks math-verify about single expressions (`symbolic`).
"""

from __future__ import annotations

_MAX_SHOWN = 120


def grade(response: str, answer: str) -> list[object]:
    """Whether math-verify takes a response for the reference answer, and what it read of it.

    Args:
        response: the policy's text.
        answer: the reference answer.
    """
    from math_verify import parse, verify

    gold = parse(f"${answer}$", parsing_timeout=None)
    found = parse(response, parsing_timeout=None)
    same = bool(gold and found) and bool(verify(gold, found, timeout_seconds=None))
    return [same, ", ".join(str(one) for one in found)[:_MAX_SHOWN] or "nothing"]
