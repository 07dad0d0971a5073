"""Options of `msrl-ext migrate`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from mindspeed_rl_ext.core.options import check_options, option

VERL = "verl"


@dataclass(frozen=True)
class MigrateOptions:
    """What is translated, and for which verl."""

    config: str = option(
        "a YAML of MindSpeed-RL, or the name of one under configs/msrl",
        "MindSpeed-RL 的 YAML，或 configs/msrl 下的名字",
        flag="config",
        metavar="RL.yaml",
    )
    to: str = option("the host that it is for", "目标宿主", choices=(VERL,))
    output: Path | None = option(
        "a shell script, or with .yaml a configuration; printed where left out",
        "写成 shell 脚本，后缀为 .yaml 时写成配置；不写时打印",
        default=None,
        aliases=("-o",),
        metavar="OUT",
    )
    verl_version: str = option(
        "the verl that will run it", "将要运行它的 verl 版本", default="0.9", metavar="X.Y"
    )
    npus_per_node: int = option(
        "cards of one machine: Atlas A3 16, A2 8",
        "每台机器的卡数：Atlas A3 为 16，A2 为 8",
        default=16,
        minimum=1,
    )
    overwrite: bool = option("replace OUT where it is there", "OUT 已存在时覆盖", default=False)

    def __post_init__(self) -> None:
        check_options(self)
