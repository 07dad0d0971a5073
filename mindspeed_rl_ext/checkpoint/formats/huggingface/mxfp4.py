"""MXFP4 as gpt-oss is published: two 4-bit values in a byte, one scale for 32 of them.

Covers: reading such a tensor as the numbers that it stands for. A value is one of 16 numbers times
a power of two, which float32 and bfloat16 hold exactly.
Does not cover: writing it; other tensors of 4 bits.
"""

from __future__ import annotations

import numpy as np

from mindspeed_rl_ext.checkpoint.dtypes import Array, DType, by_name, cast
from mindspeed_rl_ext.checkpoint.tensors import Shape, TensorView, matrix_shape
from mindspeed_rl_ext.core.errors import InputError

BLOCKS, SCALES = "_blocks", "_scales"
# How listings name the format; its bytes are not the tensor's values.
MXFP4 = DType("mxfp4", "", "", "u1", 1)
_FLOAT32, _BFLOAT16, _BYTES = by_name("float32"), by_name("bfloat16"), by_name("uint8")
_POSITIVE = (0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0)
_BIAS = 127


def _products() -> Array:
    """The number that a scale (row) makes of a code (column), float32."""
    codes = np.array([*_POSITIVE, *(-value for value in _POSITIVE)], "<f4")
    with np.errstate(over="ignore", invalid="ignore"):
        scales = np.ldexp(np.float32(1), np.arange(256) - _BIAS).astype("<f4")
        found: Array = codes * scales[:, None]
    return found


class Mxfp4View(TensorView):
    """An MXFP4 tensor as numbers, computed where they are read.

    Args:
        blocks: [..., blocks, bytes of a block], the first value in the lower four bits.
        scales: [..., blocks], the exponent plus 127.
        name: the tensor, for messages.

    Raises:
        InputError: the scales are not those of such blocks.
    """

    def __init__(self, blocks: TensorView, scales: TensorView, name: str) -> None:
        kinds = {blocks.dtype, scales.dtype}
        if kinds != {_BYTES} or blocks.shape[:-1] != scales.shape or len(scales.shape) < 2:
            raise InputError(
                f"{name} and its scales do not fit",
                found=f"{blocks.dtype.name} {blocks.shape}, {scales.dtype.name} {scales.shape}",
                expected=f"{blocks.shape} and {blocks.shape[:-1]}, both uint8",
                remedy="config.json or a shard is of another model",
            )
        object.__setattr__(self, "dtype", _BFLOAT16)
        object.__setattr__(self, "_shape", dequantized_shape(blocks.shape))
        object.__setattr__(self, "_width", 2 * blocks.shape[-1])
        rows, height = int(np.prod(scales.shape[:-1])), scales.shape[-1]
        object.__setattr__(self, "_codes", blocks.array.reshape(rows, -1))
        object.__setattr__(self, "_scales", scales.array.reshape(rows, height))

    @property
    def shape(self) -> Shape:
        """The shape of the numbers."""
        return self._shape  # type: ignore[attr-defined,no-any-return]

    @property
    def array(self) -> Array:
        """All numbers; a tensor of many is many bytes."""
        return self.box(slice(None), slice(None), _BFLOAT16).reshape(self.shape)

    @property
    def in_file(self) -> bool:
        """The file's bytes are codes."""
        return False

    @property
    def written(self) -> DType:
        """What transformers makes of it."""
        return _BFLOAT16

    def box(
        self, rows: slice, cols: slice, dtype: DType, matrix: tuple[int, int] | None = None
    ) -> Array:
        """The numbers of a box, in a format; rows of the last axis are never cut apart."""
        codes: Array = self._codes  # type: ignore[attr-defined]
        scales: Array = self._scales  # type: ignore[attr-defined]
        size: int = self._width  # type: ignore[attr-defined]
        own = (codes.shape[0], 2 * codes.shape[1])
        if matrix not in (None, own, matrix_shape(self.shape)):
            raise AssertionError(f"an MXFP4 tensor seen as {matrix}")
        if matrix != own and matrix_shape(self.shape) != own:
            whole = self.box(slice(None), slice(None), dtype, own)
            box: Array = whole.reshape(matrix_shape(self.shape))[rows, cols]
            return box
        # Whole blocks are decoded, then the columns taken.
        start, stop, step = cols.indices(own[1])
        first, last = start // size, -(-stop // size)
        bytes_of = codes[rows, first * size // 2 : last * size // 2]
        table = cast(_PRODUCTS.ravel(), _FLOAT32, dtype)
        at = scales[rows, first:last].astype(np.intp)[:, :, None] * 16
        by_block = bytes_of.reshape(*at.shape[:2], size // 2)
        found = np.empty((*by_block.shape, 2), dtype.carrier)
        found[..., 0] = table[at + (by_block & 15)]
        found[..., 1] = table[at + (by_block >> 4)]
        values: Array = found.reshape(bytes_of.shape[0], -1)
        return values[:, start - first * size : stop - first * size : step]


def dequantized_shape(blocks: Shape) -> Shape:
    """The shape of the numbers that blocks stand for.

    Example:
        >>> dequantized_shape((32, 5760, 90, 16))
        (32, 5760, 2880)
    """
    return (*blocks[:-2], blocks[-2] * blocks[-1] * 2)


_PRODUCTS = _products()
