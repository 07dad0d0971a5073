r"""`r1_acc`: the last box of the last answer block equals the reference answer.

Covers: what stands in the answer block only; a right box in think does not count. Does not cover:
the layout; `r1_format` does.

| response, for the reference `42` | score | outcome |
|---|---|---|
| `... <answer>\boxed{42}</answer>`, `\boxed{42.0}`, `\boxed{x = 42}` | 1 | CORRECT |
| `... <answer>\boxed{41}</answer>` | -1 | WRONG |
| `... <answer>\boxed{\int f}</answer>`: no stage decides | -1 | UNPARSEABLE |
| no answer block, no closed box in it | -1 | NO_ANSWER |
| an empty reference | -1 | BAD_REFERENCE |
"""

from __future__ import annotations

from mindspeed_rl_ext.verifiers.registry import verifier
from mindspeed_rl_ext.verifiers.responses.answers import answer_verdict
from mindspeed_rl_ext.verifiers.responses.boxes import boxed_answer, has_box_in_thinking
from mindspeed_rl_ext.verifiers.responses.layout import last_block
from mindspeed_rl_ext.verifiers.verdict import Verdict


@verifier(
    "r1_acc",
    needs=("answer",),
    wants=("prompt",),
    levels=(1.0, -1.0),
    reads=("answer_tag", "box"),
    judges_answer=True,
    zh="answer 块里的框与参考答案相同得 1 分，否则 -1 分。",
)
def r1_acc(response: str, *, answer: str, prompt: str | None = None) -> Verdict:
    """1 where the box in the answer block equals the reference answer, else -1.

    Args:
        response: the policy's text.
        answer: the reference answer.
        prompt: the text that the policy was given, where it is known.
    """
    block = last_block(response)
    boxed = None if block is None else boxed_answer(block, is_block=True)
    missing = "no closed <answer> block" if block is None else "no closed box in the answer"
    think_only = (boxed is None or boxed.text is None) and has_box_in_thinking(response)
    return answer_verdict(
        boxed,
        answer,
        right=1.0,
        wrong=-1.0,
        missing=missing,
        prompt=prompt,
        think_only=think_only,
    )
