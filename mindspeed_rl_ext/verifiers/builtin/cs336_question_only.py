r"""`cs336_question_only`: for prompts that are the question alone: the last box is the answer.

Covers: format (a closed box) and answer in one score, as the course's grader gives it. Does not
cover: tags. It differs from `boxed_acc` in what a missing box is called: a fault of format.

| response, for the reference `42` | score | outcome |
|---|---|---|
| `so \boxed{42}` | 1 | CORRECT |
| `so \boxed{41}`, `\boxed{42} ... \boxed{41}` | 0 | WRONG |
| `so 42`, an unclosed box, an empty box | 0 | BAD_FORMAT |
| an empty reference | 0 | BAD_REFERENCE |
"""

from __future__ import annotations

from mindspeed_rl_ext.verifiers.registry import verifier
from mindspeed_rl_ext.verifiers.responses.answers import answer_verdict
from mindspeed_rl_ext.verifiers.responses.boxes import boxed_answer
from mindspeed_rl_ext.verifiers.verdict import Outcome, Verdict


@verifier(
    "cs336_question_only",
    needs=("answer",),
    wants=("prompt",),
    levels=(1.0, 0.0),
    reads=("box",),
    judges_answer=True,
    zh="最后一个框与参考答案相同得 1 分，否则 0 分。",
)
def cs336_question_only(response: str, *, answer: str, prompt: str | None = None) -> Verdict:
    """1 where the last box equals the reference answer, else 0.

    Args:
        response: the policy's text.
        answer: the reference answer.
        prompt: the text that the policy was given, where it is known.
    """
    verdict = answer_verdict(
        boxed_answer(response), answer, right=1.0, wrong=0.0, missing="no closed box", prompt=prompt
    )
    if verdict.outcome is Outcome.NO_ANSWER:
        return Verdict(Outcome.BAD_FORMAT, 0.0, verdict.reason, "format")
    return verdict
