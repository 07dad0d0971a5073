r"""`boxed_acc`: the last closed box of the response equals the reference answer.

Covers: a box anywhere, but behind `</think>` where there is one. Does not cover: answer tags;
`r1_acc` looks into the answer block only.

| response, for the reference `42` | score | outcome |
|---|---|---|
| `so \boxed{42}`, `\boxed{41} ... \boxed{42}`, `\boxed{42.0}` | 1 | CORRECT |
| `\boxed{42} ... \boxed{41}` | 0 | WRONG |
| `so 42`, an unclosed box, an empty box | 0 | NO_ANSWER |
| `<think>\boxed{42}</think> so 42`: thought, not answered | 0 | NO_ANSWER |
| an empty reference | 0 | BAD_REFERENCE |
"""

from __future__ import annotations

from mindspeed_rl_ext.verifiers.registry import verifier
from mindspeed_rl_ext.verifiers.responses.answers import answer_verdict
from mindspeed_rl_ext.verifiers.responses.boxes import boxed_answer, has_box_in_thinking
from mindspeed_rl_ext.verifiers.responses.layout import after_think
from mindspeed_rl_ext.verifiers.verdict import Verdict


@verifier(
    "boxed_acc",
    needs=("answer",),
    wants=("prompt",),
    levels=(1.0, 0.0),
    reads=("box",),
    judges_answer=True,
    zh="最后一个框与参考答案相同得 1 分，否则 0 分。",
)
def boxed_acc(response: str, *, answer: str, prompt: str | None = None) -> Verdict:
    """1 where the last box equals the reference answer, else 0.

    Args:
        response: the policy's text.
        answer: the reference answer.
        prompt: the text that the policy was given, where it is known.
    """
    found = boxed_answer(after_think(response))
    think_only = found.text is None and has_box_in_thinking(response)
    missing = "the box stands in the thinking only" if think_only else "no closed box"
    return answer_verdict(
        found,
        answer,
        right=1.0,
        wrong=0.0,
        missing=missing,
        prompt=prompt,
        think_only=think_only,
    )
