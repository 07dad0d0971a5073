"""Comparing tensors bit for bit without holding them.

Covers: boxes; whole arrays in windows.
Does not cover: deciding which tensors belong together; `verify` does.
"""

from __future__ import annotations

import numpy as np

from mindspeed_rl_ext.checkpoint.dtypes import Array, DType, cast
from mindspeed_rl_ext.checkpoint.mapping.plan import CopyPair, Held
from mindspeed_rl_ext.checkpoint.tensors import TensorSource

_WINDOW_ITEMS = 1 << 22


def same_values(first: Array, second: Array, first_dtype: DType, second_dtype: DType) -> bool:
    """Whether two arrays of one shape hold the same bits, the first cast to the second's format."""
    if first.shape != second.shape:
        return False
    if first.ndim == 0 or first.size <= _WINDOW_ITEMS or first.shape[0] == 1:
        left = cast(first, first_dtype, second_dtype)
        return bool(np.array_equal(_bits(left, second_dtype), _bits(second, second_dtype)))
    step = max(1, first.shape[0] * _WINDOW_ITEMS // first.size)
    return all(
        same_values(first[at : at + step], second[at : at + step], first_dtype, second_dtype)
        for at in range(0, first.shape[0], step)
    )


def _bits(values: Array, dtype: DType) -> Array:
    """Values as unsigned integers, so that NaN equals itself and -0 differs from 0."""
    return values.view(f"<u{dtype.itemsize}")


def equal_boxes(source: TensorSource, pair: CopyPair) -> bool:
    """Whether the two boxes of a pair hold the same bits."""
    (one, first_dtype), (two, second_dtype) = (
        _box(source, held) for held in (pair.first, pair.second)
    )
    return same_values(one, two, first_dtype, second_dtype)


def _box(source: TensorSource, held: Held) -> tuple[Array, DType]:
    tensor, box = source.view(held.ref), held.box
    if held.step != 1:
        raise AssertionError(f"{held.ref} repeats another tensor's alternating rows")
    values = tensor.matrix(held.matrix)
    return values[box.row : box.row + box.rows, box.col : box.col + box.cols], tensor.dtype
