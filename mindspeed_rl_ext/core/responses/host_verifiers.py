"""What the hosts' verifiers read, judge and score, and which of ours takes the place of which.

Covers: MindSpeed-RL 2.0 to master, MindSpeed-LLM Feb 2025 and 2.0. One name means different
scores on different lines; ours mean one thing everywhere.
Does not cover: scoring.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from mindspeed_rl_ext.core.language import Text
from mindspeed_rl_ext.core.responses.response_parts import ANSWER_LINE, ANSWER_TAG, BOX, THINK_TAG

# What a verifier's score says something about.
JUDGES_ANSWER, JUDGES_FORMAT, JUDGES_NEITHER = "answer", "format", "neither"
TAGS = (THINK_TAG, ANSWER_TAG)
# Verifiers that a guide or a note pairs with one data set.
BELONGS = {"math_17k_acc": "DAPO-Math-17k", "math_17k": "DAPO-Math-17k", "countdown": "Countdown"}


class HostVerifier(NamedTuple):
    """What one does, the verifier of ours for it, what a response must have to be paid."""

    does: Text
    ours: str
    reads: tuple[str, ...] = ()
    judges: str = JUDGES_ANSWER


def _row(
    does: str, does_zh: str, ours: str, *reads: str, judges: str = JUDGES_ANSWER
) -> HostVerifier:
    return HostVerifier(Text(does, does_zh), ours, reads, judges)


RL_VERIFIERS: Mapping[str, HostVerifier] = {
    "acc": _row(
        "1 right, -0.5 wrong, -1 without a box, but 0 when its second is up: hanging pays",
        "对 1，错 -0.5，无 boxed -1；但超过 1 秒记 0 分，比答错还高",
        "simplerl",
        BOX,
    ),
    "format": _row(
        "1 / 0 for the tags; text behind them and repeated tags are paid, a box is not looked for",
        "有标签 1，否则 0；标签后有文字、标签重复也给分，不检查 boxed",
        "r1_format, countdown_format",
        *TAGS,
        judges=JUDGES_FORMAT,
    ),
    "step": _row("counts words such as First", "数 First 之类的步骤词", "-", judges=JUDGES_NEITHER),
    "strict_format": _row(
        "1 / -0.5 for one block of each tag with a box (1 / -1 in MindSpeed-LLM)",
        "标签齐全且含 boxed 给 1，否则 -0.5（MindSpeed-LLM 为 -1）",
        "r1_format, strict_tags",
        *TAGS,
        BOX,
        judges=JUDGES_FORMAT,
    ),
    "base_acc": _row(
        "1 / 0, right and with tags and box (in MindSpeed-LLM right in any form)",
        "答对且有标签和 boxed 给 1，否则 0（MindSpeed-LLM 不看格式）",
        "boxed_acc, r1_format + r1_acc",
        *TAGS,
        BOX,
    ),
    "math_17k_acc": _row(
        "1 / 0, reads a box only, though DAPO-Math-17k's prompts ask for a line `Answer: ...`",
        "对 1 否则 0；只读 boxed，而 DAPO-Math-17k 的提示要求写 `Answer: ...`",
        "math_17k",
    ),
    "acc_for_dapo": _row(
        "1 / -1, the `Answer:` line in the last 300 characters",
        "对 1 否则 -1，读最后 300 字符里的 `Answer:` 行",
        "dapo",
        ANSWER_LINE,
    ),
    "acc_for_ppo": _row("1 / 0, reads a box", "对 1 否则 0，读 boxed", "boxed_acc", BOX),
    "math_verify_reward": _row(
        "1 / 0, right and with tags and box",
        "答对且有标签和 boxed 给 1，否则 0",
        "boxed_acc, r1_format + r1_acc",
        *TAGS,
        BOX,
    ),
    "retool_reward": _row(
        "1 / -1, a box in the last 300 characters, tool calls soften a wrong answer",
        "对 1 否则 -1，读最后 300 字符里的 boxed，调用工具可减轻扣分",
        "dapo(boxed=True)",
        BOX,
    ),
}
LLM_VERIFIERS: Mapping[str, HostVerifier] = {
    "acc": _row(
        "1 right, -0.5 wrong, -1 without a box; up to 10 s for one answer",
        "对 1，错 -0.5，无 boxed -1；一条答案最多等 10 秒",
        "simplerl",
        BOX,
    ),
    "format": RL_VERIFIERS["format"],
    "step": RL_VERIFIERS["step"],
    "strict_format": _row(
        "1 / -1 for one block of each tag with a box (1 / -0.5 in MindSpeed-RL)",
        "标签齐全且含 boxed 给 1，否则 -1（MindSpeed-RL 为 -0.5）",
        "r1_format, strict_tags",
        *TAGS,
        BOX,
        judges=JUDGES_FORMAT,
    ),
    "base_acc": _row(
        "1 / 0, right in any form, such as a number behind #### (MindSpeed-RL asks for tags "
        "and box)",
        "答对给 1，不看格式，例如 #### 后的数字（MindSpeed-RL 要求标签和 boxed）",
        "boxed_acc",
    ),
}
