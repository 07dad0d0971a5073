"""Pure torch pieces of SFT and GRPO: tokens, log-probs, masks, advantages, losses, steps.

Covers: the functions of Stanford CS336's fifth assignment, called by keyword.
Beyond it: GRPO's variants (`compute_grpo_variant_loss`), ways to make one number of token losses
(`aggregate_loss`), KL estimators (`estimate_kl`), each chosen by name from a table.
Does not cover: generation, optimisers, loops; `recipes` does.

Example:
    >>> from mindspeed_rl_ext.algorithms import parse_gsm8k_response
    >>> parse_gsm8k_response(model_output="So the answer is 1,024 clips.")
    '1024'
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mindspeed_rl_ext.algorithms.advantages import compute_group_normalized_rewards
    from mindspeed_rl_ext.algorithms.aggregation import AGGREGATIONS, aggregate_loss
    from mindspeed_rl_ext.algorithms.kl import KL_ESTIMATORS, estimate_kl
    from mindspeed_rl_ext.algorithms.log_probs import compute_entropy, get_response_log_probs
    from mindspeed_rl_ext.algorithms.losses import (
        compute_grpo_clip_loss,
        compute_naive_policy_gradient_loss,
        compute_policy_gradient_loss,
    )
    from mindspeed_rl_ext.algorithms.masks import masked_mean, masked_normalize
    from mindspeed_rl_ext.algorithms.parse import parse_gsm8k_response
    from mindspeed_rl_ext.algorithms.steps import (
        grpo_microbatch_train_step,
        sft_microbatch_train_step,
    )
    from mindspeed_rl_ext.algorithms.tokenise import tokenize_prompt_and_output
    from mindspeed_rl_ext.algorithms.variants import GRPO_VARIANTS, compute_grpo_variant_loss

__all__ = [
    "AGGREGATIONS",
    "GRPO_VARIANTS",
    "KL_ESTIMATORS",
    "aggregate_loss",
    "compute_entropy",
    "compute_group_normalized_rewards",
    "compute_grpo_clip_loss",
    "compute_grpo_variant_loss",
    "compute_naive_policy_gradient_loss",
    "compute_policy_gradient_loss",
    "estimate_kl",
    "get_response_log_probs",
    "grpo_microbatch_train_step",
    "masked_mean",
    "masked_normalize",
    "parse_gsm8k_response",
    "sft_microbatch_train_step",
    "tokenize_prompt_and_output",
]

_HOMES = {
    "advantages": ("compute_group_normalized_rewards",),
    "aggregation": ("AGGREGATIONS", "aggregate_loss"),
    "kl": ("KL_ESTIMATORS", "estimate_kl"),
    "variants": ("GRPO_VARIANTS", "compute_grpo_variant_loss"),
    "log_probs": ("compute_entropy", "get_response_log_probs"),
    "losses": (
        "compute_grpo_clip_loss",
        "compute_naive_policy_gradient_loss",
        "compute_policy_gradient_loss",
    ),
    "masks": ("masked_mean", "masked_normalize"),
    "parse": ("parse_gsm8k_response",),
    "steps": ("grpo_microbatch_train_step", "sft_microbatch_train_step"),
    "tokenise": ("tokenize_prompt_and_output",),
}
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_HOME_OF[name]}"), name)
