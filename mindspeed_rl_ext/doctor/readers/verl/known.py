"""What verl knows: names of estimators, losses and managers, defaults of keys, keys that moved.

Covers: 0.9 and main of Aug 2026, as far as rules look at them. Does not cover: plugins.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mindspeed_rl_ext.hosts.verl.points import NAME

# trainer/ppo/core_algos.py.
_ESTIMATORS = """
    gae grpo reinforce_plus_plus reinforce_plus_plus_baseline remax rloo opo grpo_passk gpg
    rloo_vectorized grpo_vectorized optimal_token_baseline tir_optimal_token_baseline gdpo
"""
ESTIMATORS = frozenset(_ESTIMATORS.split())
# Those that compare the responses of one prompt.
OF_GROUPS = frozenset({"grpo", "grpo_vectorized", "grpo_passk", "gdpo"})
_LOSS_MODES = """
    vanilla dppo_tv dppo_kl gspo sapo gpg clip_cov kl_cov geo_mean dro cispo bypass_mode
"""
LOSS_MODES = frozenset(_LOSS_MODES.split())
KL_TYPES = frozenset({"kl", "k1", "abs", "mse", "k2", "low_var_kl", "k3", "full"})
# experimental/reward_loop/reward_manager, and ours.
OUR_MANAGER = NAME
MANAGERS = frozenset({"naive", "dapo", "gdpo", "rate_limited", "remote", OUR_MANAGER})
# What the values of reward_kwargs may be, by manager; others take any.
MANAGER_KWARGS: Mapping[str, frozenset[str]] = {
    "dapo": frozenset({"overlong_buffer_cfg", "max_resp_len"}),
    "naive": frozenset(),
}
# Metrics that every row has.
METRICS = frozenset({"acc", "score", "reward", "seq_reward", "seq_final_reward"})
# trainer/config, where rules need them.
DEFAULTS: Mapping[str, Any] = {
    "data.train_batch_size": 1024,
    "data.max_prompt_length": 512,
    "data.max_response_length": 512,
    "data.filter_overlong_prompts": False,
    "actor_rollout_ref.actor.strategy": "fsdp",
    "actor_rollout_ref.actor.ppo_mini_batch_size": 256,
    "actor_rollout_ref.actor.use_dynamic_bsz": False,
    "actor_rollout_ref.actor.ppo_max_token_len_per_gpu": 16384,
    "actor_rollout_ref.actor.ulysses_sequence_parallel_size": 1,
    "actor_rollout_ref.actor.use_torch_compile": True,
    "actor_rollout_ref.actor.use_kl_loss": False,
    "actor_rollout_ref.actor.kl_loss_type": "low_var_kl",
    "actor_rollout_ref.actor.policy_loss.loss_mode": "vanilla",
    "actor_rollout_ref.actor.megatron.tensor_model_parallel_size": 1,
    "actor_rollout_ref.actor.megatron.pipeline_model_parallel_size": 1,
    "actor_rollout_ref.actor.megatron.context_parallel_size": 1,
    "actor_rollout_ref.actor.megatron.expert_model_parallel_size": 1,
    "actor_rollout_ref.actor.megatron.use_mbridge": True,
    "actor_rollout_ref.rollout.n": 1,
    "actor_rollout_ref.rollout.temperature": 1.0,
    "actor_rollout_ref.rollout.tensor_model_parallel_size": 2,
    "actor_rollout_ref.rollout.data_parallel_size": 1,
    "actor_rollout_ref.rollout.pipeline_model_parallel_size": 1,
    "actor_rollout_ref.rollout.val_kwargs.do_sample": False,
    "actor_rollout_ref.rollout.val_kwargs.temperature": 0,
    "actor_rollout_ref.rollout.val_kwargs.n": 1,
    "actor_rollout_ref.rollout.checkpoint_engine.update_weights_bucket_megabytes": 2048,
    "algorithm.adv_estimator": "gae",
    "algorithm.use_kl_in_reward": False,
    "algorithm.filter_groups.enable": False,
    "algorithm.filter_groups.max_num_gen_batches": 0,
    "reward.reward_manager.name": "naive",
    "trainer.n_gpus_per_node": 8,
    "trainer.nnodes": 1,
    "trainer.save_freq": -1,
}
# Top-level keys of before 0.9: the longest prefix that fits says where a key went.
MOVED: Mapping[str, str] = {
    "custom_reward_function.reward_kwargs": "+reward.custom_reward_function.reward_kwargs",
    "custom_reward_function": "reward.custom_reward_function",
    "reward_model.reward_manager": "reward.reward_manager.name",
    "reward_model.num_workers": "reward.num_workers",
    "reward_model.reward_kwargs": "+reward.reward_kwargs",
    "reward_model.reward_loop_source": "reward.reward_manager.source",
    "reward_model.reward_loop_module_path": "reward.reward_manager.module.path",
    "reward_model.reward_loop_class_name": "reward.reward_manager.module.name",
    "reward_model.model.path": "reward.reward_model.model_path",
    "reward_model": "reward.reward_model",
    "sandbox_fusion": "reward.sandbox_fusion",
}
# Keys of documents that no configuration has, and what is meant.
NEVER: Mapping[str, str] = {
    "reward_model.reward_manager.name": "reward.reward_manager.name",
    "reward_model.overlong_buffer": "+reward.reward_kwargs.overlong_buffer_cfg",
}
# Open tables of the configuration: what stands below is added with `+`.
OPEN_TABLES = ("reward.reward_kwargs", "reward.custom_reward_function.reward_kwargs")
EXTERNAL_MODULES = "VERL_USE_EXTERNAL_MODULES"


def moved_to(key: str) -> str:
    """Where a top-level key of before 0.9 went; "" for any other.

    Example:
        >>> moved_to("custom_reward_function.path"), moved_to("reward_model.enable")
        ('reward.custom_reward_function.path', 'reward.reward_model.enable')
    """
    for old in sorted(MOVED, key=len, reverse=True):
        if key == old or key.startswith(f"{old}."):
            return MOVED[old] + key[len(old) :]
    return ""


def never(key: str) -> str:
    """What is meant by a key that no configuration has; "" for any other."""
    return next((now for old, now in NEVER.items() if key == old or key.startswith(f"{old}.")), "")
