"""From one loss per token to one number.

Covers: the means that GRPO's variants differ in. A masked position counts nowhere, be it NaN.
Does not cover: losses; division for accumulation (`steps`).

| aggregation | formula | used by |
|---|---|---|
| sequence_mean | mean over responses of the mean over their tokens | GRPO, GSPO |
| token_mean | sum over all tokens / number of all tokens | DAPO |
| constant | sum over all tokens / (B * max_length) | Dr. GRPO |
"""

from __future__ import annotations

from collections.abc import Callable

import torch

from mindspeed_rl_ext.algorithms.masks import masked_mean, masked_normalize
from mindspeed_rl_ext.core.errors import InputError, nearest


def _sequence_mean(
    losses: torch.Tensor, mask: torch.Tensor, max_length: int | None
) -> torch.Tensor:
    return masked_mean(losses, mask, dim=-1).mean()


def _token_mean(losses: torch.Tensor, mask: torch.Tensor, max_length: int | None) -> torch.Tensor:
    return masked_mean(losses, mask)


def _constant(losses: torch.Tensor, mask: torch.Tensor, max_length: int | None) -> torch.Tensor:
    if max_length is None or max_length < 1:
        raise InputError(
            "aggregation 'constant' needs max_length",
            found=str(max_length),
            expected="the longest response that sampling allows, in tokens",
            remedy="give max_length",
        )
    return masked_normalize(losses, mask, normalize_constant=losses.shape[0] * max_length)


AGGREGATIONS: dict[str, Callable[[torch.Tensor, torch.Tensor, int | None], torch.Tensor]] = {
    "sequence_mean": _sequence_mean,
    "token_mean": _token_mean,
    "constant": _constant,
}


def aggregate_loss(
    token_losses: torch.Tensor,
    response_mask: torch.Tensor,
    aggregation: str,
    max_length: int | None = None,
) -> torch.Tensor:
    """One number from the losses of tokens.

    Args:
        token_losses: `[B, L]`.
        response_mask: `[B, L]`, bool or 0/1, True on response tokens.
        aggregation: see the table above.
        max_length: of a response in tokens; needed by `constant`.

    Returns:
        A scalar. NaN where a response (sequence_mean) or the batch (token_mean) has no tokens.

    Raises:
        InputError: an unknown aggregation, shapes that differ, no max_length where it is needed.

    Example:
        >>> losses = torch.tensor([[1.0, 3.0], [5.0, 0.0]])
        >>> mask = torch.tensor([[True, True], [True, False]])
        >>> [aggregate_loss(losses, mask, how, max_length=4).item() for how in AGGREGATIONS]
        [3.5, 3.0, 1.125]
    """
    if aggregation not in AGGREGATIONS:
        raise InputError(
            f"unknown aggregation {aggregation!r}", remedy=nearest(aggregation, AGGREGATIONS)
        )
    return AGGREGATIONS[aggregation](token_losses, response_mask, max_length)
