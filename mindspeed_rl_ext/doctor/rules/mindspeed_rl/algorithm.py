"""The algorithm of a configuration of either host: names, the group, bounds, what pays.

Covers: what the hosts find out after the first rollout, or never.
Does not cover: whether a value is a good one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from mindspeed_rl_ext.core.errors import nearest
from mindspeed_rl_ext.core.rules import At, Finding, at
from mindspeed_rl_ext.doctor.readers.mindspeed.algorithm import (
    ESTIMATORS,
    GROUP_NORM,
    Algorithm,
)
from mindspeed_rl_ext.doctor.readers.mindspeed.schema import is_number
from mindspeed_rl_ext.doctor.rulebook import check, rule


class Bounds(NamedTuple):
    """The values that a number may have; `above` says that the least one is not among them."""

    least: float
    most: float
    above: bool = False

    def hold(self, value: float) -> bool:
        """Whether a value is within them."""
        return self.least <= value <= self.most and not (self.above and value == self.least)

    def __str__(self) -> str:
        most = "" if self.most == float("inf") else f", <= {self.most:g}"
        return f"{'>' if self.above else '>='} {self.least:g}{most}"


BOUNDS: Mapping[str, Bounds] = {
    "gpu_memory_utilization": Bounds(0, 1, above=True),
    "clip_ratio": Bounds(0, 1, above=True),
    "clip_ratio_low": Bounds(0, 1, above=True),
    "clip_ratio_high": Bounds(0, 1, above=True),
    "init_kl_coef": Bounds(0, float("inf")),
    "kl_coef": Bounds(0, float("inf")),
    "entropy_coeff": Bounds(0, float("inf")),
    "gamma": Bounds(0, 1),
    "lam": Bounds(0, 1),
    "lr": Bounds(0, 1),
    "temperature": Bounds(0, 2),
    "top_p": Bounds(0, 1, above=True),
}
# A hundred times what the recipes of the notes take.
HIGHEST_LR = 1e-4

ADV_ESTIMATOR_UNKNOWN = rule(
    "adv-estimator-unknown",
    "error",
    on=Algorithm,
    en=(
        "adv_estimator {value} is not one that the host computes: it stops after the first rollout",
        "{nearest}",
    ),
    zh=("adv_estimator {value} 不是宿主支持的：第一次采样之后就会中止", "{nearest}"),
)
KL_PENALTY_UNKNOWN = rule(
    "kl-penalty-unknown",
    "error",
    on=Algorithm,
    en=(
        "kl_penalty {value} is not one that the host computes: it stops at the first update",
        "{nearest}",
    ),
    zh=("kl_penalty {value} 不是宿主支持的：第一次更新时就会中止", "{nearest}"),
)


@check(Algorithm)
def names(algorithm: Algorithm) -> Iterator[Finding]:
    """Estimator and KL are ones that the host computes."""
    known = (
        (ADV_ESTIMATOR_UNKNOWN, algorithm.estimator, ESTIMATORS),
        (KL_PENALTY_UNKNOWN, algorithm.penalty, algorithm.penalties),
    )
    for unknown, setting, values in known:
        value = setting.value
        if isinstance(value, str) and value not in values:
            yield unknown.at(setting.place, value=value, nearest=nearest(value, values))


@rule(
    "group-of-one",
    "error",
    on=Algorithm,
    en=(
        "n_samples_per_prompt is 1 with adv_estimator group_norm: a sample is compared with "
        "itself, and nothing is learned",
        "n_samples_per_prompt: 8, or at least 2",
    ),
    zh=(
        "adv_estimator 为 group_norm 而 n_samples_per_prompt 为 1：样本只和自己比较，什么也学不到",
        "n_samples_per_prompt: 8，至少为 2",
    ),
)
def group(algorithm: Algorithm) -> Iterator[At]:
    """A sample is compared with others of its prompt."""
    estimator = algorithm.estimator.value
    if estimator == GROUP_NORM and algorithm.group.value == 1:
        yield at(algorithm.group.place)


@rule(
    "temperature-zero",
    "error",
    on=Algorithm,
    en=(
        "temperature is 0: the samples of a prompt are all the same, and nothing is learned",
        "temperature: 1.0",
    ),
    zh=("temperature 为 0：同一题的回复全都一样，什么也学不到", "temperature: 1.0"),
)
def temperature(algorithm: Algorithm) -> Iterator[At]:
    """Samples of a prompt differ."""
    value = algorithm.temperature.value
    if is_number(value) and value == 0:
        yield at(algorithm.temperature.place)


VALUE_OUT_OF_BOUNDS = rule(
    "value-out-of-bounds",
    "error",
    on=Algorithm,
    en=("{key} is {value}; it must be {bounds}", "{key}: a value that is {bounds}"),
    zh=("{key} 是 {value}，应当 {bounds}", "{key} 改为 {bounds} 的值"),
)
LEARNING_RATE_HIGH = rule(
    "learning-rate-high",
    "warning",
    on=Algorithm,
    en=(
        "lr {value} is more than a hundred times that of the notes' recipes (5e-7 to 1e-6): "
        "rewards collapse",
        "lr: 1.0e-6",
    ),
    zh=("lr {value} 是笔记配方（5e-7 到 1e-6）的一百倍以上：奖励会坍缩", "lr: 1.0e-6"),
)


@check(Algorithm)
def numbers(algorithm: Algorithm) -> Iterator[Finding]:
    """Numbers are within their bounds."""
    for setting in algorithm.numbers:
        value = setting.value
        if not is_number(value):
            continue
        bounds = BOUNDS[setting.key]
        if not bounds.hold(value):
            values = {"key": setting.key, "value": value, "bounds": bounds}
            yield VALUE_OUT_OF_BOUNDS.at(setting.place, **values)
        elif setting.key == "lr" and value > HIGHEST_LR:
            yield LEARNING_RATE_HIGH.at(setting.place, value=value)


@rule(
    "reward-nothing-pays",
    "error",
    on=Algorithm,
    en=(
        "{key} is off and there is no reward model: nothing pays for a response",
        "{key}: true, with verifiers; or give the reward model its cards",
    ),
    zh=(
        "{key} 关闭而又没有奖励模型：没有任何东西给回复打分",
        "{key}: true 并写上打分器；或给奖励模型分配卡",
    ),
)
def rewards(algorithm: Algorithm) -> Iterator[At]:
    """Something pays for a response."""
    if not algorithm.paid:
        yield at(algorithm.pays.place, key=algorithm.pays.key)
