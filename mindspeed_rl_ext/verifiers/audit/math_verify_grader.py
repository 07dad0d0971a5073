"""math-verify as people use it alone: on the whole response, with its default extraction.

Covers: one response in a worker. Importing this registers the verifier `math_verify_grader`; it is
a second opinion for `msrl-ext score --compare`, not a reward: it takes a right box in the thinking,
`1` for any list that holds it, and more.
Does not cover: our own comparison, which asks math-verify about single expressions.
"""

from __future__ import annotations

from mindspeed_rl_ext.verifiers.registry import verifier
from mindspeed_rl_ext.verifiers.verdict import Outcome, Verdict


@verifier(
    "math_verify_grader",
    needs=("answer",),
    levels=(1.0, 0.0),
    isolated=True,
    cpu_s=3.0,
    reads=("prose",),
    judges_answer=True,
    zh="math-verify 认为回复与参考答案相同得 1 分，否则 0 分。",
)
def math_verify_grader(response: str, *, answer: str) -> Verdict:
    """1 where math-verify takes the response for the reference answer, else 0.

    Args:
        response: the policy's text.
        answer: the reference answer.
    """
    from math_verify import parse, verify

    gold = parse(f"${answer}$", parsing_timeout=None)
    found = parse(response, parsing_timeout=None)
    same = bool(gold and found) and bool(verify(gold, found, timeout_seconds=None))
    read = ", ".join(str(one) for one in found)[:120] or "nothing"
    outcome = Outcome.CORRECT if same else Outcome.WRONG
    return Verdict(outcome, float(same), f"reads {read}", "math-verify")
