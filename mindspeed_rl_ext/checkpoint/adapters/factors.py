"""The change that an adapter makes to a weight: two thin matrices and a scale.

Covers: any box of the change, the same bits whichever box is asked for; both ways of rounding.
Does not cover: where the matrices are stored; readers of adapters load them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from mindspeed_rl_ext.checkpoint.dtypes import CASTABLE, Array, DType, by_name, cast
from mindspeed_rl_ext.checkpoint.tensors import Box, Shape

FLOAT32 = by_name("float32")
ONCE, HOST = "once", "host"
ROUNDINGS = (ONCE, HOST)
# A product of matrices is computed in tiles of one shape, aligned to the weight's origin: the last
# bit of a sum depends on the shape of the product, and it must not depend on how a model is cut.
_TILE_ROWS, _TILE_COLS = 64, 512


@dataclass(frozen=True)
class Factors:
    """The change of one weight [rows, columns].

    Args:
        shape: the weight's shape.
        rank: columns of `up`, rows of `down`.
        scale: alpha / rank, or what the adapter has in its place.
        load: loads up [rows, rank] and down [rank, columns] as float32.
    """

    shape: Shape
    rank: int
    scale: float
    load: Callable[[], tuple[Array, Array]]

    def product(self, box: Box) -> Array:
        """The product of the two matrices in a box, without the scale, as float32.

        Example:
            >>> ones = np.ones((2, 1), "<f4"), np.ones((1, 3), "<f4")
            >>> Factors((2, 3), 1, 2.0, lambda: ones).product(Box(1, 1, 0, 3)).tolist()
            [[1.0, 1.0, 1.0]]
        """
        up, down = self.load()
        first_row, first_col = box.row - box.row % _TILE_ROWS, box.col - box.col % _TILE_COLS
        last_row, last_col = box.row + box.rows, box.col + box.cols
        found = np.empty((box.rows, box.cols), "<f4")
        for col in range(first_col, last_col, _TILE_COLS):
            right = _padded(down[:, col : col + _TILE_COLS], (self.rank, _TILE_COLS))
            cols = slice(max(col, box.col), min(col + _TILE_COLS, last_col))
            for row in range(first_row, last_row, _TILE_ROWS):
                left = _padded(up[row : row + _TILE_ROWS], (_TILE_ROWS, self.rank))
                rows = slice(max(row, box.row), min(row + _TILE_ROWS, last_row))
                tile = left @ right
                found[rows.start - box.row : rows.stop - box.row,
                      cols.start - box.col : cols.stop - box.col] = (
                    tile[rows.start - row : rows.stop - row, cols.start - col : cols.stop - col]
                )  # fmt: skip
        return found


def _padded(values: Array, shape: Shape) -> Array:
    if values.shape == shape:
        return np.ascontiguousarray(values)
    found = np.zeros(shape, "<f4")
    found[: values.shape[0], : values.shape[1]] = values
    return found


def add_change(base: Array, product: Array, scale: float, rounded: DType | None) -> Array:
    """A weight with its change.

    Args:
        base: the weight's values as float32.
        product: as `Factors.product` returns it.
        scale: as `Factors` has it.
        rounded: the format that product, change and sum are each rounded to, as MindSpeed-LLM's
            converter does; None computes all of it in float32.

    Returns:
        float32, to be rounded to the format that is written.
    """
    if rounded is None or rounded.name not in CASTABLE:
        return np.asarray(base + product * np.float32(scale), "<f4")
    change = _round(_round(product, rounded) * np.float32(scale), rounded)
    return _round(base + change, rounded)


def _round(values: Array, dtype: DType) -> Array:
    return cast(cast(values, FLOAT32, dtype), dtype, FLOAT32)
