r"""`dapo`: the last `Answer:` line equals the reference answer, as DAPO rewards it.

Covers: the marker within the last 300 characters; with `boxed=True` a box there instead.
Does not cover: other layouts. Unlike DAPO's, the comparison is `equivalent`, not of strings.

| response, for the reference `42` | score | outcome |
|---|---|---|
| `... Answer: 42`, `Answer: $42$`, `answer: \boxed{42}` | 1 | CORRECT |
| `Answer: 42` then `Answer: 41` | -1 | WRONG |
| `so \boxed{42}`; with `boxed=True` it is CORRECT | -1 | NO_ANSWER |
| `Answer: 42` and 300 more characters | -1 | NO_ANSWER |
| an empty reference | -1 | BAD_REFERENCE |
"""

from __future__ import annotations

from mindspeed_rl_ext.core.responses.text import strip_stop_tokens
from mindspeed_rl_ext.verifiers.registry import verifier
from mindspeed_rl_ext.verifiers.responses.answers import answer_verdict
from mindspeed_rl_ext.verifiers.responses.boxes import Stated, boxed_answer, boxed_or_whole
from mindspeed_rl_ext.verifiers.responses.layout import final_answer_line
from mindspeed_rl_ext.verifiers.verdict import Verdict

WINDOW = 300


@verifier(
    "dapo",
    needs=("answer",),
    wants=("prompt",),
    levels=(1.0, -1.0),
    reads=("answer_line",),
    reads_with={"boxed": ("box",)},
    judges_answer=True,
    zh="最后一行 `Answer:` 与参考答案相同得 1 分，否则 -1 分。",
)
def dapo(response: str, *, answer: str, prompt: str | None = None, boxed: bool = False) -> Verdict:
    """1 where the last `Answer:` line equals the reference answer, else -1.

    Args:
        response: the policy's text.
        answer: the reference answer.
        prompt: the text that the policy was given, where it is known.
        boxed: look for a box in the last 300 characters instead.
    """
    line = None if boxed else final_answer_line(response, window=WINDOW)
    if boxed:
        found = boxed_answer(strip_stop_tokens(response)[-WINDOW:])
    else:
        found = Stated(None) if line is None else boxed_or_whole(line)
    missing = "no closed box at the end" if boxed else "no Answer: line at the end"
    return answer_verdict(found, answer, right=1.0, wrong=-1.0, missing=missing, prompt=prompt)
