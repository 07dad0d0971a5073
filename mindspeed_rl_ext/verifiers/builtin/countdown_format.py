"""`countdown_format`: a think block, white space, an answer block, and nothing else.

Covers: the layout alone; the answer may be anything. Does not cover: the equation; `countdown`
does.

| response | score | outcome |
|---|---|---|
| `<think>a</think> <answer>b</answer>`, then a stop token | 1 | CORRECT |
| `<think>a <answer>1</answer> b</think><answer>2</answer>` | 1 | CORRECT |
| `a</think> <answer>b</answer>` with `think_prefilled=True` | 1 | CORRECT |
| two answer blocks, no think, text before, between or after, an unclosed tag | 0 | BAD_FORMAT |
"""

from __future__ import annotations

from mindspeed_rl_ext.verifiers.registry import verifier
from mindspeed_rl_ext.verifiers.responses.layout import strict_layout, with_think
from mindspeed_rl_ext.verifiers.verdict import Outcome, Verdict


@verifier(
    "countdown_format",
    levels=(1.0, 0.0),
    reads=("think_tag", "answer_tag"),
    judges_answer=False,
    zh="回复是一个 think 块加一个 answer 块得 1 分，否则 0 分。",
)
def countdown_format(response: str, *, think_prefilled: bool = False) -> Verdict:
    """1 where the response is one think block and one answer block, else 0.

    Args:
        response: the policy's text.
        think_prefilled: whether the prompt ended in `<think>`.
    """
    layout = strict_layout(
        with_think(response, think_prefilled=think_prefilled), tags_in_think=True
    )
    if layout.answer is None:
        return Verdict(Outcome.BAD_FORMAT, 0.0, layout.fault, "format")
    return Verdict(Outcome.CORRECT, 1.0, "one think block, one answer block", "format")
