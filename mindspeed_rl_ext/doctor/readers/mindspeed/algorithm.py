"""The settings of the algorithm in a configuration of either host, under one name each.

Covers: estimator, KL, group, sampling, numbers that have bounds, what pays for a response.
Does not cover: sizes and lengths; defaults that only a host knows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from mindspeed_rl_ext.core.language import Text
from mindspeed_rl_ext.core.rules import Place
from mindspeed_rl_ext.doctor.readers.mindspeed.layers import Layers
from mindspeed_rl_ext.doctor.readers.mindspeed.rl_run import RolloutRun
from mindspeed_rl_ext.doctor.readers.mindspeed.rlxf_run import RlxfRun
from mindspeed_rl_ext.doctor.readers.mindspeed.schema import is_number

# What each host computes; anything else ends in NotImplementedError after the first rollout.
ESTIMATORS = ("gae", "group_norm")
RL_PENALTIES = ("kl", "abs", "mse", "low_var_kl")
LLM_PENALTIES = ("kl", "abs", "mse")
GROUP_NORM = "group_norm"
# Numbers with bounds, by the part of MindSpeed-RL's configuration that has them.
_RL_NUMBERS = """
    clip_ratio clip_ratio_low clip_ratio_high init_kl_coef entropy_coeff gamma lam
"""
_ACTOR_NUMBERS = "lr clip_ratio entropy_coeff"


@dataclass(frozen=True)
class Setting:
    """A key, its value (None where it is not given as one) and where it is."""

    key: str
    value: Any
    place: Place


@dataclass(frozen=True)
class Algorithm:
    """The settings of a run.

    Args:
        estimator: of advantages.
        penalty: the estimate of the KL.
        penalties: those that the host computes.
        group: samples per prompt.
        temperature: of sampling.
        numbers: settings that have bounds.
        pays: what says whether rewards are computed at all.
        paid: whether something pays for a response.
    """

    label: ClassVar[Text] = Text("algorithm of a configuration", "配置中的算法")

    estimator: Setting
    penalty: Setting
    penalties: tuple[str, ...]
    group: Setting
    temperature: Setting
    numbers: tuple[Setting, ...]
    pays: Setting
    paid: bool


def algorithm_of(run: RolloutRun | RlxfRun) -> Algorithm:
    """The settings of a configuration."""
    return _of_rlxf(run) if isinstance(run, RlxfRun) else _of_rl(run)


def _of_rl(run: RolloutRun) -> Algorithm:
    reward_model = run.rl.get("reward_resource") is not None
    numbers = [_setting(run.rl, key) for key in _RL_NUMBERS.split()]
    numbers += [_setting(run.actor, "lr"), _setting(run.generate, "gpu_memory_utilization")]
    numbers += [_setting(run.sampling, key) for key in ("temperature", "top_p")]
    return Algorithm(
        _setting(run.rl, "adv_estimator"),
        _setting(run.rl, "kl_penalty"),
        RL_PENALTIES,
        _setting(run.rl, "n_samples_per_prompt"),
        _setting(run.sampling, "temperature"),
        tuple(numbers),
        _setting(run.rl, "rule_reward"),
        reward_model or run.rl.get("rule_reward") is not False,
    )


def _of_rlxf(run: RlxfRun) -> Algorithm:
    document, reward = run.document, run.roles.get("reward")
    kl_ctrl = document.table("algorithm", "kl_ctrl")
    numbers = [_setting(run.actor, key) for key in _ACTOR_NUMBERS.split()]
    numbers += [_setting(run.algorithm, key) for key in ("gamma", "lam")]
    place = document.place("algorithm", "kl_ctrl", "kl_coef")
    numbers.append(Setting("kl_coef", _number(kl_ctrl), place))
    verifier = reward is not None and bool(reward.get("verifier"))
    pays = Setting("verifier", verifier, document.place("reward", "verifier"))
    return Algorithm(
        _setting(run.algorithm, "adv_estimator"),
        _setting(run.algorithm, "kl_penalty"),
        LLM_PENALTIES,
        _setting(run.actor, "n_samples_per_prompt"),
        _setting(run.actor, "temperature"),
        tuple(numbers),
        pays,
        verifier or bool(sum(run.pool("reward") or [])),
    )


def _number(table: Mapping[str, Any]) -> Any:
    value = table.get("kl_coef")
    return value if is_number(value) else None


def _setting(layers: Layers, key: str) -> Setting:
    return Setting(key, layers.get(key), layers.place(key))
