"""How the algorithm of MindSpeed-RL is said in the words of verl.

Covers: estimator, KL, clip, critic, tools, logs.
Does not cover: units of batches (`batches`); rewards (`rewards`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from mindspeed_rl_ext.core.errors import InputError
from mindspeed_rl_ext.doctor.readers.mindspeed.algorithm import GROUP_NORM
from mindspeed_rl_ext.recipes.migration.rows import (
    ACTOR,
    CRITIC,
    RL,
    ROLLOUT,
    TRAINING,
    Pair,
    Source,
)

GRPO, PPO, DAPO = "ray_grpo", "ray_ppo", "ray_dapo"
ESTIMATORS = {GROUP_NORM: "grpo", "gae": "gae"}
# The host's defaults, where it has them beside the tables that the doctor knows.
KL_COEF, CLIP = 0.01, 0.2


def stage(source: Source) -> str:
    """The algorithm: ray_grpo, ray_ppo or ray_dapo."""
    return str(source.part(TRAINING).get("stage") or GRPO)


def estimator(source: Source) -> Iterable[Pair]:
    """How advantages are computed."""
    rl = source.part(RL)
    name = str(rl.get("adv_estimator"))
    if name not in ESTIMATORS:
        raise InputError(
            f"{rl.place('adv_estimator')}: adv_estimator {name} is none of MindSpeed-RL's",
            expected=", ".join(ESTIMATORS),
        )
    yield "algorithm.adv_estimator", ESTIMATORS[name]


def kl(source: Source) -> Iterable[Pair]:
    """The KL to the reference: in the loss, in the reward, or none."""
    rl = source.part(RL)
    given = rl.number("init_kl_coef")
    weight = KL_COEF if given is None else given
    in_reward = bool(rl.get("use_kl_in_reward")) and stage(source) == PPO and weight > 0
    in_loss = stage(source) == GRPO and weight > 0
    yield f"{ACTOR}.use_kl_loss", in_loss
    yield "algorithm.use_kl_in_reward", in_reward
    if in_loss:
        yield f"{ACTOR}.kl_loss_coef", weight
        yield f"{ACTOR}.kl_loss_type", rl.get("kl_penalty")
    if in_reward:
        yield "algorithm.kl_penalty", rl.get("kl_penalty")
        yield "algorithm.kl_ctrl.kl_coef", weight
        names = {"type": "kl_ctrl_type", "horizon": "kl_horizon", "target_kl": "kl_target"}
        for verl, key in names.items():
            if rl.get(key) is not None:
                yield f"algorithm.kl_ctrl.{verl}", rl.get(key)


def clip(source: Source) -> Iterable[Pair]:
    """The bounds of PPO."""
    rl = source.part(RL)
    one = rl.number("clip_ratio")
    one = CLIP if one is None else one
    higher = stage(source) == DAPO and rl.get("clip_higher_enable")
    low, high = (
        (rl.number("clip_ratio_low"), rl.number("clip_ratio_high")) if higher else (one,) * 2
    )
    yield f"{ACTOR}.clip_ratio", one
    yield f"{ACTOR}.clip_ratio_low", low
    yield f"{ACTOR}.clip_ratio_high", high


def loss_mode(source: Source) -> Iterable[Pair]:
    """What a token counts."""
    by_token = stage(source) != DAPO or source.part(RL).get("token_level_loss") is not False
    yield f"{ACTOR}.loss_agg_mode", "token-mean" if by_token else "seq-mean-token-mean"


def betas(source: Source) -> Iterable[Pair]:
    """Both betas of Adam."""
    yield f"{ACTOR}.optim.betas", _betas(source, TRAINING)


def _betas(source: Source, part: str) -> list[Any]:
    values = source.part(part)
    first, second = values.get("adam_beta1"), values.get("adam_beta2")
    return [0.9 if first is None else first, 0.999 if second is None else second]


def critic(source: Source) -> Iterable[Pair]:
    """The critic of PPO."""
    if ESTIMATORS.get(str(source.part(RL).get("adv_estimator"))) != "gae":
        return
    role = source.part(CRITIC)
    yield "critic.model.path", source.part(TRAINING).get("tokenizer_name_or_path")
    yield "critic.optim.lr", role.get("lr")
    yield "critic.optim.betas", _betas(source, CRITIC)
    yield "critic.ppo_micro_batch_size_per_gpu", role.get("micro_batch_size") or 1
    for key in ("weight_decay", "clip_grad"):
        if role.get(key) is not None:
            yield f"critic.optim.{key}", role.get(key)
    for key in ("tensor_model_parallel_size", "pipeline_model_parallel_size"):
        yield f"critic.megatron.{key}", role.size(key)


def loggers(source: Source) -> Iterable[Pair]:
    """Where curves go."""
    rl = source.part(RL)
    names = [name for name in ("tensorboard", "wandb", "swanlab") if rl.get(f"use_{name}")]
    yield "trainer.logger", ["console", *names]


def names(source: Source) -> Iterable[Pair]:
    """How the logger names the run."""
    rl = source.part(RL)
    project = rl.get("wandb_project") or rl.get("swanlab_project") or "mindspeed-rl-ext"
    run = rl.get("wandb_exp_name") or rl.get("swanlab_exp_name") or source.run.document.path.stem
    yield "trainer.project_name", project
    yield "trainer.experiment_name", run


def turns(source: Source) -> Iterable[Pair]:
    """Calls of tools."""
    rl, above = source.part(RL), f"{ROLLOUT}.multi_turn"
    if not rl.get("multi_turn_enable"):
        return
    yield f"{above}.enable", True
    calls = rl.number("max_tool_calls")
    if calls:
        yield f"{above}.max_assistant_turns", calls + 1
    same: Sequence[tuple[str, str]] = (
        ("tool_config_path", "tool_config_path"),
        ("format", "tool_parser_format"),
        ("max_parallel_calls", "max_parallel_calls"),
        ("max_tool_response_length", "max_tool_response_length"),
        ("tool_response_truncate_side", "tool_response_truncate_side"),
    )
    for verl, key in same:
        if rl.get(key) is not None:
            yield f"{above}.{verl}", rl.get(key)
