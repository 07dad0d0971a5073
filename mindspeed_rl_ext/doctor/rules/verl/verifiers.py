"""Our verifiers in a run of verl: what our manager or our function would refuse.

Covers: what they raise for once the model is loaded. Does not cover: what prompts ask for;
`rewards.prompts` does.
"""

from __future__ import annotations

from collections.abc import Iterator

from mindspeed_rl_ext.core.rules import At, at
from mindspeed_rl_ext.doctor.readers.verl.verifiers import OurVerifiers
from mindspeed_rl_ext.doctor.rulebook import rule


@rule(
    "verl-verifiers-refused",
    "error",
    on=OurVerifiers,
    en=("our reward refuses its configuration once the model is loaded: {found}", "{remedy}"),
    zh=("加载完模型之后，我们的打分会拒绝这份配置：{found}", "{remedy}"),
)
def refused(ours: OurVerifiers) -> Iterator[At]:
    """The verifiers can be made."""
    if ours.table is None:
        yield at(ours.place, found=ours.refused, remedy=ours.remedy)


@rule(
    "verl-verifier-needs-manager",
    "error",
    on=OurVerifiers,
    en=(
        "a verifier needs {column}, which verl does not pass to a reward function: the first "
        "batch fails",
        "reward.reward_manager.name=msrl_ext with +reward.reward_kwargs.verifiers instead of the "
        "function",
    ),
    zh=(
        "打分器需要 {column}，verl 不把它传给打分函数：第一批就会失败",
        "不用函数，改用 reward.reward_manager.name=msrl_ext 与 +reward.reward_kwargs.verifiers",
    ),
)
def needs(ours: OurVerifiers) -> Iterator[At]:
    """The function gets what its verifiers need."""
    for column in ours.not_passed:
        yield at(ours.place, column=column)
