r"""The three texts that go by the name `qwen_r1`, and a remark which one a prompt type is.

Covers: the text of the R1-Zero notes (`qwen_r1` here), MindSpeed-LLM's (`qwen_r1_mindspeed_llm`)
and MindSpeed-RL's (`qwen_r1_mindspeed_rl`); the hosts ship theirs as `qwen_r1`.
Does not cover: other templates; reading them.

Example:
    >>> variant_remarks("qwen_r1", "mine", {name: name for name in VARIANTS})[0][:52]
    'prompt type qwen_r1 is none of the known texts. Thre'
"""

from __future__ import annotations

from collections.abc import Mapping

NAME = "qwen_r1"
# What each says, and who ships it under the plain name.
VARIANTS = {
    NAME: "the text of the R1-Zero notes",
    f"{NAME}_mindspeed_llm": "what MindSpeed-LLM ships as qwen_r1: `\\\\boxed{}` with two "
    "backslashes, a space before the question",
    f"{NAME}_mindspeed_rl": "what MindSpeed-RL ships as qwen_r1: `. Put`",
}


def variant_remarks(name: str, text: object, known: Mapping[str, object]) -> tuple[str, ...]:
    """Says which of the texts a prompt type of that family is.

    Args:
        name: the prompt type.
        text: its user slots.
        known: the user slots of each of `VARIANTS`.
    """
    same = [VARIANTS[other] for other in VARIANTS if known[other] == text]
    others = [f"{other} is {what}" for other, what in VARIANTS.items() if known[other] != text]
    which = same[0] if same else "none of the known texts"
    return (f"prompt type {name} is {which}. Three texts have that name: {'; '.join(others)}",)
