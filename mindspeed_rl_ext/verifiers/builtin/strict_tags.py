r"""`strict_tags`: one of each tag in order, nothing outside, neither block empty.

Covers: the tags and that something stands between them. Does not cover: boxes (`r1_format`) and
what the answer is.

| response | score | outcome |
|---|---|---|
| `<think>a</think> <answer>b</answer>`, then a stop token or a new line | 1 | CORRECT |
| `a</think> <answer>b</answer>` with `think_prefilled=True` | 1 | CORRECT |
| a tag twice, missing, unclosed, or in another order | -1 | BAD_FORMAT |
| text before, between or after the blocks | -1 | BAD_FORMAT |
| `<think></think> <answer>b</answer>`, `<think>a</think> <answer> </answer>` | -1 | BAD_FORMAT |
"""

from __future__ import annotations

from mindspeed_rl_ext.verifiers.registry import verifier
from mindspeed_rl_ext.verifiers.responses.layout import strict_layout, think_text, with_think
from mindspeed_rl_ext.verifiers.verdict import Outcome, Verdict


@verifier(
    "strict_tags",
    levels=(1.0, -1.0),
    reads=("think_tag", "answer_tag"),
    judges_answer=False,
    zh="一个 think 块加一个 answer 块、都有文字得 1 分，否则 -1 分。",
)
def strict_tags(response: str, *, think_prefilled: bool = False) -> Verdict:
    """1 where the response is a think block and an answer block, both with text, else -1.

    Args:
        response: the policy's text.
        think_prefilled: whether the prompt ended in `<think>`.
    """
    whole = with_think(response, think_prefilled=think_prefilled)
    layout = strict_layout(whole)
    fault = layout.fault
    if layout.answer is not None and not layout.answer.strip():
        fault = "the answer block is empty"
    elif not fault and not think_text(whole):
        fault = "the think block is empty"
    if fault:
        return Verdict(Outcome.BAD_FORMAT, -1.0, fault, "format")
    return Verdict(Outcome.CORRECT, 1.0, "one think block, one answer block", "format")
