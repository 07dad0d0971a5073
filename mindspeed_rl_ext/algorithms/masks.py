"""Sums and means over the positions that a mask selects.

Covers: the mean over selected positions, the sum divided by a constant. Both are differentiable
and never look at a masked value, be it infinite or NaN. Half-precision tensors are summed in fp32.
Does not cover: weights; a mask says yes or no.
"""

from __future__ import annotations

import torch

from mindspeed_rl_ext.algorithms.shapes import as_bool, require_same_shape
from mindspeed_rl_ext.core.errors import InputError


def masked_mean(tensor: torch.Tensor, mask: torch.Tensor, dim: int | None = None) -> torch.Tensor:
    """The mean over selected positions: sum(tensor * mask) / sum(mask).

    Args:
        tensor: any shape.
        mask: the same shape, bool or 0/1.
        dim: the dimension that goes away; all of them where None.

    Returns:
        A scalar, or `tensor`'s shape without `dim`; float16 and bfloat16 stay so. NaN where
        nothing is selected (0/0): an empty response has no mean, and a 0 would hide it.

    Raises:
        InputError: shapes differ, or the mask is not 0/1.

    Example:
        >>> masked_mean(torch.tensor([1.0, 2.0, 9.0]), torch.tensor([True, True, False])).item()
        1.5
    """
    total, chosen = _select_and_sum(tensor, mask, dim)
    count = chosen.sum() if dim is None else chosen.sum(dim=dim)
    return _narrowed(total / count, tensor)


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

    Returns:
        A scalar, or `tensor`'s shape without `dim`; float16 and bfloat16 stay so, and a quotient
        beyond float16's 65504 is infinite there.

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
    total, _ = _select_and_sum(tensor, mask, dim)
    return _narrowed(total / normalize_constant, tensor)


_HALVES = (torch.float16, torch.bfloat16)


def _select_and_sum(
    tensor: torch.Tensor, mask: torch.Tensor, dim: int | None
) -> tuple[torch.Tensor, torch.Tensor]:
    """The sum of what is selected, in fp32 for half-precision tensors, and the mask as bool."""
    require_same_shape(tensor=tensor, mask=mask)
    chosen = as_bool("mask", mask)
    # Multiplying would turn a masked infinity into NaN.
    selected = torch.where(chosen, tensor, tensor.new_zeros(()))
    # float16 ends at 65504, which a sum, and even the count, of one long batch exceeds.
    dtype = torch.float32 if tensor.dtype in _HALVES else None
    return selected.sum(dtype=dtype) if dim is None else selected.sum(dim, dtype=dtype), chosen


def _narrowed(result: torch.Tensor, tensor: torch.Tensor) -> torch.Tensor:
    return result.to(tensor.dtype) if tensor.dtype in _HALVES else result
