r"""`simplerl`: format and accuracy in one, as SimpleRL-Zero rewards them.

Covers: the format is a closed box anywhere in the response; the answer is the last one. Does not
cover: tags; `r1_format` does.

| response, for the reference `42` | score | outcome |
|---|---|---|
| `so \boxed{42}`, `\boxed{41} ... \boxed{42}` | 1 | CORRECT |
| `so \boxed{41}`, `\boxed{42} ... \boxed{41}` | -0.5 | WRONG |
| a box that no stage decides | -0.5 | UNPARSEABLE |
| `so 42`, an unclosed box, an empty box | -1 | BAD_FORMAT |
| an empty reference | -1 | BAD_REFERENCE |
"""

from __future__ import annotations

from mindspeed_rl_ext.verifiers.registry import verifier
from mindspeed_rl_ext.verifiers.responses.answers import answer_verdict
from mindspeed_rl_ext.verifiers.responses.boxes import boxed_answer
from mindspeed_rl_ext.verifiers.verdict import Outcome, Verdict


@verifier(
    "simplerl",
    needs=("answer",),
    wants=("prompt",),
    levels=(1.0, -0.5, -1.0),
    reads=("box",),
    judges_answer=True,
    zh="框对得 1 分，错得 -0.5 分，没有框得 -1 分。",
)
def simplerl(response: str, *, answer: str, prompt: str | None = None) -> Verdict:
    """1 for a right box, -0.5 for a wrong one, -1 for none.

    Args:
        response: the policy's text.
        answer: the reference answer.
        prompt: the text that the policy was given, where it is known.
    """
    if not answer.strip():
        return Verdict(Outcome.BAD_REFERENCE, -1.0, "the reference answer is empty", "reference")
    boxed = boxed_answer(response)
    if not boxed.text:
        return Verdict(Outcome.BAD_FORMAT, -1.0, "no closed box", "format")
    return answer_verdict(boxed, answer, right=1.0, wrong=-0.5, missing="", prompt=prompt)
