"""Estimates of KL(policy || reference) from log-probs of sampled tokens, one value per token.

Covers: k1, k2, k3 of Schulman's note "Approximating KL divergence" (2020); r = p_ref / p.
Does not cover: the exact KL over the vocabulary; a weight or a mean (`aggregation`).

| estimator | value | expectation | |
|---|---|---|---|
| k1 | -log r | exact | can be negative, large variance |
| k2 | (log r)^2 / 2 | biased, little near 0 | its gradient is that of the exact KL, on policy |
| k3 | r - 1 - log r | exact | never negative; what GRPO's loss adds |
"""

from __future__ import annotations

from collections.abc import Callable

import torch

from mindspeed_rl_ext.algorithms.shapes import require_same_shape
from mindspeed_rl_ext.core.errors import InputError, nearest

KL_ESTIMATORS: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "k1": lambda log_ratio: -log_ratio,
    "k2": lambda log_ratio: log_ratio.square() / 2,
    "k3": lambda log_ratio: torch.expm1(log_ratio) - log_ratio,
}


def estimate_kl(
    policy_log_probs: torch.Tensor, reference_log_probs: torch.Tensor, estimator: str = "k3"
) -> torch.Tensor:
    """An estimate of KL(policy || reference) for each token that the policy sampled.

    Args:
        policy_log_probs: `[B, L]`, in nats.
        reference_log_probs: `[B, L]`, in nats; no gradient flows into it.
        estimator: `k1`, `k2` or `k3`.

    Returns:
        `[B, L]`, in nats.

    Raises:
        InputError: shapes differ, an unknown estimator.

    Example:
        >>> p, r = torch.tensor([[-1.0]]), torch.tensor([[-1.5]])
        >>> [round(estimate_kl(p, r, name).item(), 4) for name in ("k1", "k2", "k3")]
        [0.5, 0.125, 0.1065]
    """
    require_same_shape(policy_log_probs=policy_log_probs, reference_log_probs=reference_log_probs)
    return kl_of_log_ratio(reference_log_probs.detach() - policy_log_probs, estimator)


def kl_of_log_ratio(log_ratio: torch.Tensor, estimator: str) -> torch.Tensor:
    """The same from log r = log p_ref - log p; raises InputError for an unknown estimator."""
    if estimator not in KL_ESTIMATORS:
        raise InputError(
            f"unknown KL estimator {estimator!r}", remedy=nearest(estimator, KL_ESTIMATORS)
        )
    return KL_ESTIMATORS[estimator](log_ratio)
