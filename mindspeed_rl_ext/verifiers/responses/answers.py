"""The last step of most built-ins: an extracted answer, a reference, a verifier's own levels.

Covers: an unusable reference, no answer, an answer that the response denies or gives beside others,
one that only repeats the prompt, the verdict of `equivalent` at two levels.
Does not cover: extraction; each verifier has its own.
"""

from __future__ import annotations

from dataclasses import replace

from mindspeed_rl_ext.verifiers.equivalence import Policy, equivalent
from mindspeed_rl_ext.verifiers.responses.boxes import Stated
from mindspeed_rl_ext.verifiers.responses.restating import restates, same_expression
from mindspeed_rl_ext.verifiers.verdict import Outcome, Verdict

# Stages that tell why a right value is not paid; a monitor of reward hacks counts them.
DENIAL, HEDGE, PROMPT, THINK = "denial", "hedge", "prompt", "think"

# Without the prompt nothing tells a copy of the question from an answer but how far it is worked
# out. With the prompt this is not asked: 2^{10} may be a right answer where 1024 is the reference.
EVALUATED = Policy(evaluated="as_reference")


def answer_verdict(
    found: Stated | str | None,
    answer: str,
    *,
    right: float,
    wrong: float,
    missing: str,
    prompt: str | None = None,
    think_only: bool = False,
) -> Verdict:
    """Compares an extracted answer with the reference.

    Args:
        found: the answer, or what is known of it; None or blank where there is none.
        answer: the reference answer.
        right: the score of CORRECT.
        wrong: the score of everything else.
        missing: the reason where there is no answer.
        prompt: the text that the policy was given, where it is known.
        think_only: whether an answer stands in the thinking, where it does not count.

    Example:
        >>> answer_verdict("0.5", "1/2", right=1.0, wrong=-1.0, missing="no box").score
        1.0
    """
    if not answer.strip():
        return Verdict(Outcome.BAD_REFERENCE, wrong, "the reference answer is empty", "reference")
    stated = found if isinstance(found, Stated) else Stated(found)
    if stated.text is None or not stated.text.strip():
        return Verdict(Outcome.NO_ANSWER, wrong, missing, THINK if think_only else "extraction")
    if stated.denied:
        return Verdict(Outcome.WRONG, wrong, "the response denies this answer", DENIAL)
    compared = _compared(stated.text, stated.others, answer, prompt)
    level = right if compared.outcome is Outcome.CORRECT else wrong
    return Verdict(compared.outcome, level, compared.reason, compared.stage)


def _compared(text: str, others: tuple[str, ...], answer: str, prompt: str | None) -> Verdict:
    compared = equivalent(text, answer) if prompt else equivalent(text, answer, policy=EVALUATED)
    if compared.outcome is Outcome.CORRECT and prompt:
        compared = _against_prompt(compared, text, answer, prompt)
    if compared.outcome is not Outcome.CORRECT:
        return compared
    for other in others:
        beside = equivalent(other, answer)
        if beside.outcome is not Outcome.CORRECT:
            reason = f"gives another answer beside it: {other[:60]!r}"
            return replace(beside, outcome=Outcome.WRONG, reason=reason, stage=HEDGE)
    return compared


def _against_prompt(compared: Verdict, text: str, answer: str, prompt: str) -> Verdict:
    if text.strip() == answer.strip() or same_expression(text, answer):
        return compared
    if not restates(text, prompt, answer):
        return compared
    if restates(answer, prompt):
        # Both are expressions of the prompt: choosing one is the task, leaving one undone is not.
        return equivalent(text, answer, policy=EVALUATED)
    reason = "equal, but an expression of the prompt, and the reference is none"
    return replace(compared, outcome=Outcome.RESTATED, reason=reason, stage=PROMPT)
