"""Policy-gradient losses, one value per token.

Covers: REINFORCE (with raw rewards or with a baseline) and the clipped surrogate of PPO and GRPO.
Does not cover: KL terms, masks and means (`masks`, `steps`), sequence-level ratios.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch

from mindspeed_rl_ext.algorithms.shapes import require_column, require_same_shape
from mindspeed_rl_ext.core.errors import InputError, nearest

LossAndMetadata = tuple[torch.Tensor, dict[str, torch.Tensor]]


def compute_naive_policy_gradient_loss(
    raw_rewards_or_advantages: torch.Tensor, policy_log_probs: torch.Tensor
) -> torch.Tensor:
    """-A * log p of each token: its gradient is the REINFORCE estimate (Williams, 1992).

    Args:
        raw_rewards_or_advantages: `[B, 1]`, one value per response.
        policy_log_probs: `[B, L]`, in nats.

    Returns:
        `[B, L]`.

    Raises:
        InputError: shapes that do not fit.
    """
    require_column("raw_rewards_or_advantages", raw_rewards_or_advantages, policy_log_probs)
    return -raw_rewards_or_advantages * policy_log_probs


def compute_grpo_clip_loss(
    advantages: torch.Tensor,
    policy_log_probs: torch.Tensor,
    old_log_probs: torch.Tensor,
    cliprange: float,
) -> LossAndMetadata:
    """-min(r * A, clip(r, 1 - c, 1 + c) * A) of each token, r = exp(log p - log p_old).

    Source: PPO (Schulman et al., 2017, equation 7), per token as in DeepSeekMath's GRPO, no KL.

    Args:
        advantages: `[B, 1]`, one value per response.
        policy_log_probs: `[B, L]`, in nats, of the policy that learns.
        old_log_probs: `[B, L]`, in nats, of the policy that sampled; no gradient flows into it.
        cliprange: c, how far the ratio may move before the gradient stops.

    Returns:
        The loss `[B, L]`, and `clipped` bool `[B, L]`: where the clipped side is the smaller one.

    Raises:
        InputError: shapes that do not fit, a negative cliprange.
    """
    require_column("advantages", advantages, policy_log_probs)
    require_same_shape(policy_log_probs=policy_log_probs, old_log_probs=old_log_probs)
    if cliprange < 0:
        raise InputError(
            "cliprange is negative", found=str(cliprange), expected="0 or more, usually 0.2"
        )
    ratio = torch.exp(policy_log_probs - old_log_probs.detach())
    loss, clipped = clipped_surrogate(ratio, advantages, cliprange, cliprange)
    return loss, {"clipped": clipped}


def clipped_surrogate(
    ratio: torch.Tensor, advantages: torch.Tensor, clip_low: float, clip_high: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """-min(r * A, clip(r, 1 - clip_low, 1 + clip_high) * A), and where the clipped side is less.

    Args:
        ratio: r, `[B, L]`, or `[B, 1]` where a response has one.
        advantages: A, `[B, 1]`.
        clip_low: the ratio may fall to 1 - clip_low.
        clip_high: the ratio may rise to 1 + clip_high.
    """
    # The sign moves to the small tensor. Where the clipped side is taken, the ratio is out of the
    # range and has no gradient there: so none is recorded for that side.
    costs = -advantages
    plain = ratio * costs
    bounded = ratio.detach().clamp(1 - clip_low, 1 + clip_high) * costs
    clipped = bounded > plain
    return torch.where(clipped, bounded, plain), clipped


@dataclass(frozen=True)
class _LossType:
    """What a loss type needs and computes."""

    needs: tuple[str, ...]
    compute: Callable[..., LossAndMetadata]


def _naive(policy_log_probs: torch.Tensor, weight: torch.Tensor) -> LossAndMetadata:
    return compute_naive_policy_gradient_loss(weight, policy_log_probs), {}


_LOSS_TYPES = {
    "no_baseline": _LossType(
        ("raw_rewards",), lambda policy, raw_rewards: _naive(policy, raw_rewards)
    ),
    "reinforce_with_baseline": _LossType(
        ("advantages",), lambda policy, advantages: _naive(policy, advantages)
    ),
    "grpo_clip": _LossType(
        ("advantages", "old_log_probs", "cliprange"),
        lambda policy, advantages, old_log_probs, cliprange: compute_grpo_clip_loss(
            advantages, policy, old_log_probs, cliprange
        ),
    ),
}


def compute_policy_gradient_loss(
    policy_log_probs: torch.Tensor,
    loss_type: str,
    raw_rewards: torch.Tensor | None = None,
    advantages: torch.Tensor | None = None,
    old_log_probs: torch.Tensor | None = None,
    cliprange: float | None = None,
) -> LossAndMetadata:
    """The loss of that name, one value per token.

    Args:
        policy_log_probs: `[B, L]`, in nats.
        loss_type: `no_baseline` (needs raw_rewards), `reinforce_with_baseline` (advantages) or
            `grpo_clip` (advantages, old_log_probs, cliprange).
        raw_rewards: `[B, 1]`.
        advantages: `[B, 1]`.
        old_log_probs: `[B, L]`, in nats.
        cliprange: see `compute_grpo_clip_loss`.

    Returns:
        The loss `[B, L]` and its metadata (`clipped` for `grpo_clip`).

    Raises:
        InputError: an unknown loss type, an argument that it needs and that is None, shapes.
    """
    if loss_type not in _LOSS_TYPES:
        raise InputError(f"unknown loss_type {loss_type!r}", remedy=nearest(loss_type, _LOSS_TYPES))
    chosen = _LOSS_TYPES[loss_type]
    given = {
        "raw_rewards": raw_rewards,
        "advantages": advantages,
        "old_log_probs": old_log_probs,
        "cliprange": cliprange,
    }
    missing = [name for name in chosen.needs if given[name] is None]
    if missing:
        raise InputError(
            f"loss_type {loss_type!r} lacks {', '.join(missing)}",
            expected=", ".join(chosen.needs),
            remedy="give them by keyword",
        )
    return chosen.compute(policy_log_probs, **{name: given[name] for name in chosen.needs})
