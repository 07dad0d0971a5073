"""Sums and means over the positions that a mask selects.

Covers: the mean over selected positions, the sum divided by a constant. Both are differentiable
and never look at a masked value, be it infinite or NaN.
Does not cover: weights; a mask says yes or no.
"""

from __future__ import annotations

import torch

from mindspeed_rl_ext.algorithms.shapes import as_bool, require_same_shape
from mindspeed_rl_ext.errors import InputError


def masked_mean(tensor: torch.Tensor, mask: torch.Tensor, dim: int | None = None) -> torch.Tensor:
    """The mean over selected positions: sum(tensor * mask) / sum(mask).

    Args:
        tensor: any shape.
        mask: the same shape, bool or 0/1.
        dim: the dimension that goes away; all of them where None.

    Returns:
        A scalar, or `tensor`'s shape without `dim`. NaN where nothing is selected (0/0): an
        empty response has no mean, and a 0 would hide it.

    Raises:
        InputError: shapes differ, or the mask is not 0/1.

    Example:
        >>> masked_mean(torch.tensor([1.0, 2.0, 9.0]), torch.tensor([True, True, False])).item()
        1.5
    """
    selected, chosen = _select(tensor, mask)
    if dim is None:
        return selected.sum() / chosen.sum()
    return selected.sum(dim=dim) / chosen.sum(dim=dim)


def masked_normalize(
    tensor: torch.Tensor,
    mask: torch.Tensor,
    dim: int | None = None,
    normalize_constant: float = 1.0,
) -> torch.Tensor:
    """The sum over selected positions, divided by a constant (Dr. GRPO's length-free form).

    Args:
        tensor: any shape.
        mask: the same shape, bool or 0/1.
        dim: the dimension that goes away; all of them where None.
        normalize_constant: what the sum is divided by, in the unit of positions.

    Raises:
        InputError: shapes differ, the mask is not 0/1, or the constant is 0.

    Example:
        >>> rows = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
        >>> masked_normalize(rows, rows > 1, dim=1, normalize_constant=2.0).tolist()
        [1.0, 3.5]
    """
    if normalize_constant == 0:
        raise InputError(
            "normalize_constant is 0", expected="a number other than 0", remedy="give 1.0 for a sum"
        )
    selected, _ = _select(tensor, mask)
    total = selected.sum() if dim is None else selected.sum(dim=dim)
    return total / normalize_constant


def _select(tensor: torch.Tensor, mask: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    require_same_shape(tensor=tensor, mask=mask)
    chosen = as_bool("mask", mask)
    # Multiplying would turn a masked infinity into NaN.
    return torch.where(chosen, tensor, torch.zeros_like(tensor)), chosen
