"""The change that an adapter makes to a weight: two thin matrices and a scale.

Covers: any box of the change, the same bits whichever box is asked for; both ways of rounding.
Does not cover: where the matrices are stored; readers of adapters load them.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from mindspeed_rl_ext.checkpoint.dtypes import CASTABLE, Array, DType, by_name, cast
from mindspeed_rl_ext.checkpoint.tensors import Box, Shape

FLOAT32 = by_name("float32")
ONCE, HOST = "once", "host"
# Rank 64 of one layer of a model of 70B.
CACHE_BYTES = 16 << 20
# A product of matrices is computed in tiles of one shape, aligned to the weight's origin: the last
# bit of a sum depends on the shape of the product, and it must not depend on how a model is cut.
_TILE_ROWS, _TILE_COLS = 16, 256
# Of larger products OpenBLAS makes threads, which wait for one another where all cores copy.
_TILE_PRODUCTS = 1 << 18


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
        height, width = _TILE_ROWS, _tile_cols(self.rank)
        top, left = box.row - box.row % height, box.col - box.col % width
        rows, cols = (
            -(-(box.row + box.rows - top) // height),
            -(-(box.col + box.cols - left) // width),
        )
        up, down = self.load()
        ups = _padded(up[top : top + rows * height], (rows * height, self.rank))
        downs = _padded(down[:, left : left + cols * width], (self.rank, cols * width))
        found = np.empty((rows, height, cols, width), "<f4")
        np.matmul(
            ups.reshape(rows, 1, height, self.rank),
            downs.reshape(self.rank, cols, width).transpose(1, 0, 2)[None],
            out=found.transpose(0, 2, 1, 3),
        )
        first_row, first_col = box.row - top, box.col - left
        whole = found.reshape(rows * height, cols * width)
        return whole[first_row : first_row + box.rows, first_col : first_col + box.cols]


def _tile_cols(rank: int) -> int:
    most = max(1, _TILE_PRODUCTS // (_TILE_ROWS * max(1, rank)))
    return min(_TILE_COLS, 1 << (most.bit_length() - 1))


def _padded(values: Array, shape: Shape) -> Array:
    if values.shape == shape:
        return values
    found = np.zeros(shape, "<f4")
    found[: values.shape[0], : values.shape[1]] = values
    return found


class FactorCache:
    """Matrices that were loaded, so that each window of a weight does not load them again.

    Args:
        most_bytes: what is held at most; the matrices of one weight are held in any case.
    """

    def __init__(self, most_bytes: int = CACHE_BYTES) -> None:
        self._most, self._lock = most_bytes, threading.Lock()
        self._held: OrderedDict[str, tuple[Array, Array]] = OrderedDict()

    def cached(self, changes: Mapping[str, Factors]) -> dict[str, Factors]:
        """The same changes, whose matrices are loaded through the cache.

        Example:
            >>> loads = []
            >>> one = np.ones((1, 1), "<f4")
            >>> factors = Factors((1, 1), 1, 1.0, lambda: loads.append(1) or (one, one))
            >>> held = FactorCache().cached({"weight": factors})["weight"]
            >>> (held.load(), held.load()) and len(loads)
            1
        """
        return {
            name: replace(factors, load=partial(self._load, name, factors.load))
            for name, factors in changes.items()
        }

    def _load(self, name: str, load: Callable[[], tuple[Array, Array]]) -> tuple[Array, Array]:
        # All threads that copy share it, and often want the same matrices at once.
        with self._lock:
            if name not in self._held:
                self._held[name] = load()
            self._held.move_to_end(name)
            while len(self._held) > 1 and self._nbytes() > self._most:
                self._held.popitem(last=False)
            return self._held[name]

    def _nbytes(self) -> int:
        return sum(up.nbytes + down.nbytes for up, down in self._held.values())


def add_change(base: Array, product: Array, scale: float, rounded: DType | None) -> None:
    """Adds a change to a weight, in place; what `product` holds afterwards means nothing.

    Args:
        base: the weight's values as float32; to be rounded to the format that is written.
        product: as `Factors.product` returns it.
        scale: as `Factors` has it.
        rounded: the format that product, change and sum are each rounded to, as MindSpeed-LLM's
            converter does; None computes all of it in float32.
    """
    if rounded is None or rounded.name not in CASTABLE:
        product *= np.float32(scale)
        base += product
        return
    change = _round(_round(product, rounded) * np.float32(scale), rounded)
    base[...] = _round(base + change, rounded)


def _round(values: Array, dtype: DType) -> Array:
    return cast(cast(values, FLOAT32, dtype), dtype, FLOAT32)
