r"""`r1_format`: a think block, an answer block with one closed box in it, and nothing else.

Covers: the layout of R1-Zero. Does not cover: whether the answer is right; `r1_acc` does.

| response | score | outcome |
|---|---|---|
| `<think>a</think> <answer>\boxed{42}</answer>`, then a stop token | 1 | CORRECT |
| `a</think> <answer>\boxed{42}</answer>` with `think_prefilled=True` | 1 | CORRECT |
| no box in answer, two, an empty or unclosed one | 0 | BAD_FORMAT |
| `\fbox{42}`, `\boxed 42` in answer | 0 | BAD_FORMAT |
| a tag twice, missing, unclosed or in another spelling | 0 | BAD_FORMAT |
| text before, between or after the blocks | 0 | BAD_FORMAT |
| `<think></think> <answer>\boxed{42}</answer>` | 1 | CORRECT |
| the same with `empty_think=False` | 0 | BAD_FORMAT |

The notes' regular expression accepts an empty think block, so this does too. A policy that learns
to skip the reasoning shows up in the metric `r1_format_empty_think/mean`, which counts the
responses whose layout is right and whose think block is empty, paid or not.
"""

from __future__ import annotations

from mindspeed_rl_ext.verifiers.registry import verifier
from mindspeed_rl_ext.verifiers.responses.layout import (
    has_one_closed_box,
    strict_layout,
    think_text,
    with_think,
)
from mindspeed_rl_ext.verifiers.verdict import Outcome, Verdict

EMPTY_THINK = "empty_think"


@verifier(
    "r1_format",
    levels=(1.0, 0.0),
    reads=("think_tag", "answer_tag", "box"),
    judges_answer=False,
    counts=(EMPTY_THINK,),
    zh="R1-Zero 的布局，且 answer 内有一个闭合的框得 1 分，否则 0 分。",
)
def r1_format(response: str, *, think_prefilled: bool = False, empty_think: bool = True) -> Verdict:
    """1 where the response has the R1-Zero layout with a closed box in the answer, else 0.

    Args:
        response: the policy's text.
        think_prefilled: whether the prompt ended in `<think>`.
        empty_think: whether a think block without text is accepted.
    """
    whole = with_think(response, think_prefilled=think_prefilled)
    layout = strict_layout(whole)
    if layout.answer is None:
        return Verdict(Outcome.BAD_FORMAT, 0.0, layout.fault, "format")
    if not has_one_closed_box(layout.answer):
        return Verdict(Outcome.BAD_FORMAT, 0.0, "not one closed \\boxed{...} in answer", "format")
    if not think_text(whole):
        outcome, score = (Outcome.CORRECT, 1.0) if empty_think else (Outcome.BAD_FORMAT, 0.0)
        return Verdict(outcome, score, "the think block is empty", EMPTY_THINK)
    return Verdict(Outcome.CORRECT, 1.0, "one think block, one boxed answer", "format")
