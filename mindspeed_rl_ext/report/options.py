"""The options of `msrl-ext report`.

Covers: which runs, where the page goes, sizes that a log lacks.
Does not cover: reading; `load` does.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mindspeed_rl_ext.core.errors import InputError
from mindspeed_rl_ext.core.options import check_options, option

_SIZES = "sizes that the log lacks"
SIZES = (
    "global_batch_size", "n_samples_per_prompt", "world_size", "mini_batch_size", "ppo_epochs",
)  # fmt: skip


def _positive(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0 < number < math.inf:
        raise InputError(
            "a size is not a number above 0",
            found=text,
            remedy="leave it out where it is not known",
        )
    return number


def _size(english: str, chinese: str) -> float | None:
    found: float | None = option(
        english, chinese, default=None, metavar="N", parse=_positive, group=_SIZES
    )
    return found


@dataclass(frozen=True)
class ReportOptions:
    """What `msrl-ext report` was asked for."""

    runs: tuple[Path, ...] = option(
        "a run's directory, or one of its logs; several are compared on one page",
        "训练目录或其日志；给出多个则在同一页对比",
        default=(), flag="runs", metavar="LOG_OR_DIR",
    )  # fmt: skip
    output: Path | None = option(
        "default: beside the log", "默认放在日志旁边", default=None, aliases=("-o",), metavar="DIR"
    )
    title: str | None = option(
        "heading of the page; default: the directory's name",
        "页面标题；默认为目录名",
        default=None,
    )
    json: bool = option("print JSON instead of text", "打印 JSON 而不是文字", default=False)
    a3: bool = option(
        "Atlas A3: a card is two devices of the log",
        "Atlas A3：一张卡在日志中算两个设备",
        default=False,
    )
    model: str = option(
        "name of the model, for the guide's figures of the same one; default: the recipe's",
        "模型名称，用于并列指南中同一模型的数字；默认取配方中的模型",
        default="", metavar="NAME",
    )  # fmt: skip
    smooth: int | None = option(
        "steps on each side that the running mean takes in; 0 draws the values alone",
        "滑动平均在每侧取的步数；0 只画原始值",
        default=None, minimum=0, metavar="N",
    )  # fmt: skip
    global_batch_size: float | None = _size("prompts per step", "每步的提示数")
    n_samples_per_prompt: float | None = _size("responses per prompt", "每个提示的回复数")
    world_size: float | None = _size("devices", "设备数")
    mini_batch_size: float | None = _size("responses per update", "每次更新的回复数")
    ppo_epochs: float | None = _size("passes over a rollout", "每批回复的训练轮数")

    def __post_init__(self) -> None:
        check_options(self)

    @property
    def sizes(self) -> Mapping[str, float]:
        """The sizes that were given."""
        found = {name: getattr(self, name) for name in SIZES}
        return {name: value for name, value in found.items() if value is not None}
