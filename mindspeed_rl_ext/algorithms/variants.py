"""GRPO and what came after it: the same clipped surrogate, distinguished by a table.

Covers: GRPO (DeepSeekMath), its token mean, Dr. GRPO, DAPO's clip-higher with the token mean, GSPO
with one ratio per response; any of them with a KL term.
Does not cover: advantages (`advantages`: Dr. GRPO takes `normalize_by_std=False`), dynamic sampling
and overlong rewards of DAPO, which are no losses.

With r the ratio of policies, A the advantage of a response, mask the response's tokens:

    loss of a token = -min(r * A, clip(r, 1 - clip_low, 1 + clip_high) * A) + kl_weight * KL

| variant | r | clip_low, clip_high | aggregation |
|---|---|---|---|
| grpo | of the token | 0.2, 0.2 | sequence_mean |
| grpo_token_mean | of the token | 0.2, 0.2 | token_mean |
| dr_grpo | of the token | 0.2, 0.2 | constant |
| dapo | of the token | 0.2, 0.28 | token_mean |
| gspo | of the response, exp(mean log ratio) | 3e-4, 4e-4 | sequence_mean |
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from mindspeed_rl_ext.algorithms.aggregation import aggregate_loss
from mindspeed_rl_ext.algorithms.kl import kl_of_log_ratio
from mindspeed_rl_ext.algorithms.losses import LossAndMetadata, clipped_surrogate
from mindspeed_rl_ext.algorithms.masks import masked_mean
from mindspeed_rl_ext.algorithms.shapes import (
    as_bool,
    require_column,
    require_same_shape,
    require_tokens,
)
from mindspeed_rl_ext.core.errors import InputError, nearest


@dataclass(frozen=True)
class GrpoVariant:
    """What a variant is.

    Args:
        sequence_ratio: one ratio per response (GSPO) instead of one a token.
        clip_low: the ratio may fall to 1 - clip_low.
        clip_high: the ratio may rise to 1 + clip_high.
        aggregation: a name of `aggregation.AGGREGATIONS`.
    """

    sequence_ratio: bool
    clip_low: float
    clip_high: float
    aggregation: str


GRPO_VARIANTS = {
    "grpo": GrpoVariant(False, 0.2, 0.2, "sequence_mean"),
    "grpo_token_mean": GrpoVariant(False, 0.2, 0.2, "token_mean"),
    "dr_grpo": GrpoVariant(False, 0.2, 0.2, "constant"),
    "dapo": GrpoVariant(False, 0.2, 0.28, "token_mean"),
    "gspo": GrpoVariant(True, 3e-4, 4e-4, "sequence_mean"),
}


def compute_grpo_variant_loss(
    policy_log_probs: torch.Tensor,
    old_log_probs: torch.Tensor,
    advantages: torch.Tensor,
    response_mask: torch.Tensor,
    variant: str = "grpo",
    *,
    clip_low: float | None = None,
    clip_high: float | None = None,
    max_length: int | None = None,
    reference_log_probs: torch.Tensor | None = None,
    kl_weight: float = 0.0,
    kl_estimator: str = "k3",
) -> LossAndMetadata:
    """The loss of a batch under a variant of GRPO; differentiable, backward is the caller's.

    Args:
        policy_log_probs: `[B, L]`, in nats, with a gradient.
        old_log_probs: `[B, L]`, in nats, of the policy that sampled; no gradient flows into it.
        advantages: `[B, 1]`, one value per response.
        response_mask: `[B, L]`, bool or 0/1, True on response tokens.
        variant: a name of `GRPO_VARIANTS`.
        clip_low: instead of the variant's.
        clip_high: instead of the variant's.
        max_length: longest response that sampling allows, in tokens; `dr_grpo` needs it.
        reference_log_probs: `[B, L]`, in nats; needed where kl_weight is not 0.
        kl_weight: weight of the KL term.
        kl_estimator: `k1`, `k2` or `k3`.

    Returns:
        A scalar, and detached: `clip_fraction`, of response tokens (of responses for GSPO), and
        `kl`, the mean over response tokens, where there is a KL term.

    Raises:
        InputError: an unknown variant or estimator, shapes that do not fit, a response without
            tokens, a negative clip range, something missing that the variant needs.
    """
    chosen = _variant(variant)
    low = chosen.clip_low if clip_low is None else clip_low
    high = chosen.clip_high if clip_high is None else clip_high
    if low < 0 or high < 0:
        raise InputError(
            "a clip range is negative", found=f"{low}, {high}", expected="0 or more, usually 0.2"
        )
    require_column("advantages", advantages, policy_log_probs)
    require_same_shape(
        policy_log_probs=policy_log_probs, old_log_probs=old_log_probs, response_mask=response_mask
    )
    mask = as_bool("response_mask", response_mask)
    require_tokens(mask)
    ratio = _ratio(policy_log_probs, old_log_probs, mask, chosen)
    losses, clipped = clipped_surrogate(ratio, advantages, low, high)
    metadata = {"clip_fraction": _clip_fraction(clipped, mask)}
    if kl_weight != 0.0:
        kl = _kl(policy_log_probs, reference_log_probs, mask, kl_estimator)
        losses = losses + kl_weight * kl
        metadata["kl"] = masked_mean(kl.detach(), mask)
    return _aggregated(losses, mask, chosen.aggregation, max_length), metadata


def _ratio(
    policy: torch.Tensor, old: torch.Tensor, mask: torch.Tensor, variant: GrpoVariant
) -> torch.Tensor:
    """The ratio of policies: `[B, L]`, or `[B, 1]` where a response has one."""
    log_ratio = policy - old.detach()
    if variant.sequence_ratio:
        return torch.exp(masked_mean(log_ratio, mask, dim=-1).unsqueeze(-1))
    # What padding holds must not reach exp: 0 * inf would be a NaN gradient.
    return torch.exp(torch.where(mask, log_ratio, 0.0))


def _aggregated(
    losses: torch.Tensor, mask: torch.Tensor, aggregation: str, max_length: int | None
) -> torch.Tensor:
    """`aggregate_loss` of `[B, L]`, or of `[B, 1]`: the loss of each token of a response."""
    if losses.shape != mask.shape and aggregation == "sequence_mean":
        return losses.mean()
    return aggregate_loss(losses.expand_as(mask), mask, aggregation, max_length)


def _clip_fraction(clipped: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Of response tokens, or of responses where `clipped` is `[B, 1]` for a longer mask."""
    if clipped.shape != mask.shape:
        return clipped.float().mean()
    return (clipped & mask).sum() / mask.sum()


def _variant(name: str) -> GrpoVariant:
    if name not in GRPO_VARIANTS:
        raise InputError(f"unknown variant {name!r}", remedy=nearest(name, GRPO_VARIANTS))
    return GRPO_VARIANTS[name]


def _kl(
    policy: torch.Tensor, reference: torch.Tensor | None, mask: torch.Tensor, estimator: str
) -> torch.Tensor:
    if reference is None:
        raise InputError(
            "a KL term needs reference_log_probs",
            found="kl_weight is not 0 and reference_log_probs is None",
            remedy="give the log-probs of the reference policy, or kl_weight=0",
        )
    require_same_shape(policy_log_probs=policy, reference_log_probs=reference)
    log_ratio = torch.where(mask, reference.detach() - policy, 0.0)
    return kl_of_log_ratio(log_ratio, estimator)
