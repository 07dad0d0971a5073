r"""`math_17k`: for DAPO-Math-17k, whose prompts ask for a last line `Answer: ...` or for a box.

Covers: the last box; without one the last `Answer:` line. Does not cover: tags.

| response, for the reference `42` | score | outcome |
|---|---|---|
| `so \boxed{42}`, `Answer: 42`, `**Answer:** $42$` | 1 | CORRECT |
| `\boxed{42} ... \boxed{41}`, `Answer: 42` then `Answer: 41` | 0 | WRONG |
| `\boxed{41}` then `Answer: 42`: a box is the answer where there is one | 0 | WRONG |
| `so 42`, an unclosed box | 0 | NO_ANSWER |
| an empty reference | 0 | BAD_REFERENCE |
"""

from __future__ import annotations

from mindspeed_rl_ext.verifiers.registry import verifier
from mindspeed_rl_ext.verifiers.responses.answers import answer_verdict
from mindspeed_rl_ext.verifiers.responses.boxes import boxed_answer
from mindspeed_rl_ext.verifiers.responses.layout import final_answer_line
from mindspeed_rl_ext.verifiers.verdict import Verdict


@verifier(
    "math_17k",
    needs=("answer",),
    wants=("prompt",),
    levels=(1.0, 0.0),
    reads=("answer_line|box",),
    judges_answer=True,
    zh="最后一个框或最后一行 `Answer:` 与参考答案相同得 1 分，否则 0 分。",
)
def math_17k(response: str, *, answer: str, prompt: str | None = None) -> Verdict:
    """1 where the last box, or the last `Answer:` line, equals the reference answer, else 0.

    Args:
        response: the policy's text.
        answer: the reference answer.
        prompt: the text that the policy was given, where it is known.
    """
    boxed = boxed_answer(response)
    found = boxed if boxed.text else final_answer_line(response)
    missing = "no closed box, no Answer: line"
    return answer_verdict(found, answer, right=1.0, wrong=0.0, missing=missing, prompt=prompt)
