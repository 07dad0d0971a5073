"""One vocabulary for the names that trainers log: MindSpeed-RL's.

Covers: MindSpeed-RL 2.0 to master, MindSpeed-LLM of February 2025, verl, TRL, transformers,
Megatron.
Does not cover: names that mean nothing here; they are kept as they are.
"""

from __future__ import annotations

import re
from functools import lru_cache

from mindspeed_rl_ext.core.responses import metrics

LENGTH = metrics.RESPONSE_LENGTH
REWARD_NAMES = (
    metrics.REWARD_MEAN,
    "grpo/score/mean",
    "dapo/score/mean",
    "critic/rewards/mean",
    "critic/score/mean",
)
KL = "actor/kl_loss"
PPO_KL = "actor/ppo_kl"
CLIP_FRACTION = "actor/pg_clipfrac"
CLIPPED_LENGTHS = f"{LENGTH}/clip_ratio"

NAMES = {
    # MindSpeed-LLM, February 2025; its generation time includes the old log-probs.
    "timing/gen": "timing/rollout",
    "timing/ref": "timing/reference_model",
    "timing/update_actor": "timing/update",
    "timing/values": "timing/critic_model",
    # MindSpeed-RL: its guide writes reshard_*, its log resharding_*.
    "timing/reshard_to_train": "timing/resharding_to_train",
    "timing/reshard_to_infer": "timing/resharding_to_infer",
    "grpo/lr": metrics.LEARNING_RATE,
    # verl
    "timing_s/step": metrics.TIME_ALL_S,
    "timing_s/gen": "timing/rollout",
    "timing_s/reward": "timing/rule_reward",
    "timing_s/old_log_prob": "timing/old_log_p",
    "timing_s/ref": "timing/reference_model",
    "timing_s/values": "timing/critic_model",
    "timing_s/adv": "timing/adv",
    "timing_s/update_actor": "timing/update",
    "timing_s/update_critic": "timing/update_critic",
    "actor/grad_norm": metrics.GRAD_NORM,
    # TRL
    "reward": metrics.REWARD_MEAN,
    "reward_std": "grpo/rewards/std",
    "frac_reward_zero_std": metrics.ZERO_STD_FRACTION,
    "completions/mean_length": f"{LENGTH}/mean",
    "completions/min_length": f"{LENGTH}/min",
    "completions/max_length": f"{LENGTH}/max",
    "completions/clipped_ratio": CLIPPED_LENGTHS,
    "completion_length": f"{LENGTH}/mean",
    "entropy": metrics.ENTROPY,
    "kl": KL,
    "loss": metrics.PG_LOSS,
    "clip_ratio": CLIP_FRACTION,
    "clip_ratio/region_mean": CLIP_FRACTION,
    "learning_rate": metrics.LEARNING_RATE,
    "step_time": metrics.TIME_ALL_S,
    # Megatron
    "learning rate": metrics.LEARNING_RATE,
    "grad norm": metrics.GRAD_NORM,
    "global batch size": "global_batch_size",
}

_TRL_VERIFIER = re.compile(r"rewards/(?P<verifier>.+?)(?:/(?P<statistic>mean|std))?")
_HOST_VERIFIER = re.compile(r"grpo/(?P<rest>[^/]+_(?:rewards|outcome)/[^/]+)")
_VERL_EVAL = re.compile(r"val-core/(?P<source>.+)/(?:acc|reward)/mean@\d+")
_EVAL = re.compile(r"eval[_/](?P<rest>.+)")


@lru_cache(maxsize=4096)
def host_name(name: str) -> str:
    """The name that MindSpeed-RL uses for a metric.

    Example:
        >>> host_name("grpo/acc_rewards/mean"), host_name("rewards/acc/mean"), host_name("kl")
        ('acc_rewards/mean', 'acc_rewards/mean', 'actor/kl_loss')
        >>> host_name("grpo/rewards/mean"), host_name("eval_reward"), host_name("num_tokens")
        ('grpo/rewards/mean', 'eval/grpo/rewards/mean', 'num_tokens')
    """
    if name in NAMES:
        return NAMES[name]
    for_eval = _EVAL.fullmatch(name)
    if for_eval is not None:
        return f"eval/{host_name(for_eval['rest'])}"
    of_verl = _VERL_EVAL.fullmatch(name)
    if of_verl is not None:
        return f"eval/{metrics.reward_key(of_verl['source'])}"
    of_host = _HOST_VERIFIER.fullmatch(name)
    if of_host is not None:
        return of_host["rest"]
    of_trl = _TRL_VERIFIER.fullmatch(name)
    if of_trl is not None:
        mean = metrics.reward_key(of_trl["verifier"])
        return mean if of_trl["statistic"] != "std" else mean.removesuffix("mean") + "std"
    return name
