"""Keys of TRL's GRPOConfig as overrides of verl.

Covers: batches, lengths, learning rate and schedule, clip, loss, KL, rollout, saving; TRL's
defaults where verl's differ; which keys verl has nothing for.
Does not cover: model, data, rewards (`verl_engine`); Megatron.

Example:
    >>> dict(trl_overrides({"num_generations": 4, "lr_scheduler_type": "constant"}, 8))[
    ...     "actor_rollout_ref.rollout.n"]
    4
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from mindspeed_rl_ext.core.errors import InputError, nearest

ACTOR, ROLLOUT, REF = (f"actor_rollout_ref.{part}" for part in ("actor", "rollout", "ref"))
# Key of TRL: the key of verl, and TRL's default; None is verl's own, which is the same.
SAME: Mapping[str, tuple[str, Any]] = {
    "max_completion_length": ("data.max_response_length", 256),
    "gradient_checkpointing": ("actor_rollout_ref.model.enable_gradient_checkpointing", True),
    "learning_rate": (f"{ACTOR}.optim.lr", 1e-6),
    "weight_decay": (f"{ACTOR}.optim.weight_decay", 0.0),
    "max_grad_norm": (f"{ACTOR}.optim.clip_grad", 1.0),
    "num_iterations": (f"{ACTOR}.ppo_epochs", 1),
    "temperature": (f"{ROLLOUT}.temperature", 1.0),
    "top_p": (f"{ROLLOUT}.top_p", None),
    "vllm_tensor_parallel_size": (f"{ROLLOUT}.tensor_model_parallel_size", 1),
    "vllm_gpu_memory_utilization": (f"{ROLLOUT}.gpu_memory_utilization", 0.5),
    "vllm_max_model_length": (f"{ROLLOUT}.max_model_len", None),
    "max_steps": ("trainer.total_training_steps", None),
    "save_steps": ("trainer.save_freq", 500),
    "save_total_limit": ("trainer.max_actor_ckpt_to_keep", None),
}
# What verl does whatever TRL's key says.
ALWAYS = frozenset({"bf16", "use_vllm", "vllm_mode", "logging_steps"})
BATCHES = (
    "per_device_train_batch_size",
    "gradient_accumulation_steps",
    "steps_per_generation",
    "num_generations",
)
JOINT = frozenset(
    {"lr_scheduler_type", "warmup_steps", "loss_type", "epsilon", "epsilon_high", "beta"}
    | {"scale_rewards", *BATCHES}
)
LOSSES = {
    "grpo": "seq-mean-token-mean",
    "dapo": "token-mean",
    "bnpo": "token-mean",
    "dr_grpo": "seq-mean-token-sum-norm",
}
SCHEDULES = {
    "constant": "constant",
    "constant_with_warmup": "constant",
    "cosine": "cosine",
}
_FRACTION = 1  # a warm-up below it is a share of all steps


def without_counterpart(trl: Mapping[str, Any]) -> list[str]:
    """The keys of TRL that verl has nothing for."""
    return sorted(set(trl) - {*SAME, *ALWAYS, *JOINT})


def trl_overrides(trl: Mapping[str, Any], devices: int) -> Iterator[tuple[str, Any]]:
    """The overrides that keys of TRL mean.

    Args:
        trl: keys of GRPOConfig.
        devices: how many processes TRL would start.

    Raises:
        InputError: a schedule or a loss that verl does not have.
    """
    yield from _batches(trl, devices)
    for key, (verl, default) in SAME.items():
        value = trl.get(key, default)
        if value is not None:
            yield verl, value
    yield from _schedule(trl)
    low = trl.get("epsilon", 0.2)
    yield f"{ACTOR}.clip_ratio", low
    yield f"{ACTOR}.clip_ratio_low", low
    yield f"{ACTOR}.clip_ratio_high", trl.get("epsilon_high") or low
    loss = str(trl.get("loss_type", "dapo"))
    yield f"{ACTOR}.loss_agg_mode", _known("loss_type", loss, LOSSES)
    beta = trl.get("beta", 0.0)
    yield f"{ACTOR}.use_kl_loss", beta > 0
    yield f"{ACTOR}.kl_loss_coef", beta
    scaled = trl.get("scale_rewards", "group")
    yield "algorithm.norm_adv_by_std_in_grpo", scaled not in (False, "none")


def _batches(trl: Mapping[str, Any], devices: int) -> Iterator[tuple[str, Any]]:
    each = int(trl.get("per_device_train_batch_size", 8))
    steps = int(trl.get("gradient_accumulation_steps", 1))
    group = int(trl.get("num_generations", 8))
    generation = each * devices * int(trl.get("steps_per_generation") or steps)
    yield "data.train_batch_size", generation // group
    yield f"{ACTOR}.ppo_mini_batch_size", each * devices * steps // group
    yield f"{ACTOR}.ppo_micro_batch_size_per_gpu", each
    yield f"{ROLLOUT}.n", group
    for part in (ROLLOUT, REF):
        yield f"{part}.log_prob_micro_batch_size_per_gpu", each


def _schedule(trl: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """The learning rate over time; transformers' default is linear."""
    name = str(trl.get("lr_scheduler_type", "linear"))
    yield f"{ACTOR}.optim.lr_scheduler_type", _known("lr_scheduler_type", name, SCHEDULES)
    warmup = trl.get("warmup_steps", 0)
    if warmup:
        key = "lr_warmup_steps_ratio" if warmup < _FRACTION else "lr_warmup_steps"
        yield f"{ACTOR}.optim.{key}", warmup


def _known(key: str, value: str, table: Mapping[str, str]) -> str:
    if value not in table:
        raise InputError(
            f"{key} {value} is nothing that verl has",
            expected=", ".join(table),
            remedy=f"--set grpo.trl.{key}=VALUE; {nearest(value, table)}",
        )
    return table[value]
