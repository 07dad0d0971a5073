"""The options of `msrl-ext train`.

Covers: what to train, where, with which engine.
Does not cover: the recipe's own keys; `recipe.schema` declares those.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from mindspeed_rl_ext.core.options import check_options, option
from mindspeed_rl_ext.recipes.training.cluster import ENGINES, VERL
from mindspeed_rl_ext.recipes.training.recipe.schema import SIZES, STAGES

TRL = "trl"
_ON_A_CLUSTER = "on a cluster (--engine other than trl)"


@dataclass(frozen=True)
class TrainOptions:
    """What `msrl-ext train` was asked for."""

    config: str = option(
        "the recipe: a name or a YAML file", "配方：名称或 YAML 文件", metavar="NAME_OR_YAML"
    )
    size: str | None = option(
        "default: the first in the recipe's file; real on a cluster",
        "默认为配方文件中的第一种；在集群上为 real",
        default=None,
        choices=SIZES,
    )
    stage: tuple[str, ...] = option(
        "only this stage; may be given again",
        "只运行该阶段；可重复给出",
        default=(),
        choices=STAGES,
        repeat=True,
    )
    output: Path | None = option(
        "default: train_output/NAME", "默认为 train_output/名称", default=None, metavar="DIR"
    )
    resume: bool = option(
        "go on where a run in DIR stopped, exactly",
        "从 DIR 中停止处精确续训",
        default=False,
        identity=False,
    )
    changes: tuple[str, ...] = option(
        "change a key, such as grpo.trl.max_steps=100; may be given again",
        "修改一个键，例如 grpo.trl.max_steps=100；可重复给出",
        default=(),
        flag="--set",
        metavar="KEY=VALUE",
        repeat=True,
    )
    engine: str = option(
        "what trains (default: trl)",
        "训练引擎（默认 trl）",
        default=TRL,
        choices=(TRL, VERL, *ENGINES),
    )
    print_only: bool = option(
        "show the command, run nothing",
        "只显示命令，不运行",
        default=False,
        flag="--print",
        identity=False,
    )
    host: Path | None = option(
        "checkout of the host", "宿主的代码目录", default=None, metavar="DIR", group=_ON_A_CLUSTER
    )
    skip_doctor: bool = option(
        "start although the doctor found errors",
        "即使诊断发现错误也启动",
        default=False,
        identity=False,
        group=_ON_A_CLUSTER,
    )

    def __post_init__(self) -> None:
        check_options(self)
