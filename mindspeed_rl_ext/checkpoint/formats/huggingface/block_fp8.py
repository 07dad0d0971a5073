"""Block FP8 as DeepSeek publishes it: 8-bit values, and one scale for each block of a matrix.

Covers: reading such a matrix as the numbers that it stands for. A value is its e4m3 number times
its block's scale in float32, rounded once to the format that is written: the published formula.
Does not cover: other scales (per tensor, per channel); `quantization` refuses those.

Each window has few blocks and 256 possible values, so that a table of results is made for each
block and looked up. Measured on one core of a quiet machine: 1.5 GB/s of bfloat16 made, where
computing each number makes 0.25 GB/s.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mindspeed_rl_ext.checkpoint.dtypes import Array, DType, by_name, cast
from mindspeed_rl_ext.checkpoint.tensors import Shape, TensorView, matrix_shape
from mindspeed_rl_ext.core.errors import InputError

FP8 = by_name("float8_e4m3fn")
# What the publisher's script writes.
DEQUANTIZED = by_name("bfloat16")
_FLOAT32 = by_name("float32")
# What fits a core's cache with its indices, whether the window is wide or narrow.
_VALUES_AT_ONCE = 1 << 16


def e4m3_values() -> Array:
    """The number of each of the 256 codes, as float32.

    Example:
        >>> [float(e4m3_values()[code]) for code in (0x00, 0x01, 0x38, 0x7E, 0xB8)]
        [0.0, 0.001953125, 1.0, 448.0, -1.0]
    """
    codes = np.arange(256)
    sign = np.where(codes >> 7, -1.0, 1.0)
    exponent, mantissa = (codes >> 3) & 15, codes & 7
    normal = (1 + mantissa / 8) * 2.0 ** (exponent - 7)
    found = sign * np.where(exponent == 0, mantissa / 8 * 2.0**-6, normal)
    found[(codes & 127) == 127] = np.nan
    return found.astype("<f4")


@dataclass(frozen=True)
class Blocks:
    """The scales of a matrix.

    Args:
        scales: [rows of blocks, columns of blocks], float32.
        height: rows of a block.
        width: columns of a block.
    """

    scales: Array
    height: int
    width: int


class BlockFp8View(TensorView):
    """A block-FP8 matrix as float32 numbers, computed where they are read.

    Args:
        codes: the 8-bit values [rows, columns].
        blocks: their scales.

    Raises:
        InputError: the scales are not those of a matrix of that shape.
    """

    def __init__(self, codes: TensorView, blocks: Blocks, name: str) -> None:
        rows, cols = matrix_shape(codes.shape)
        expected = (-(-rows // blocks.height), -(-cols // blocks.width))
        if codes.dtype != FP8 or len(codes.shape) != 2 or blocks.scales.shape != expected:
            raise InputError(
                f"{name} and its scales do not fit",
                found=f"{codes.dtype.name} {codes.shape}, scales {blocks.scales.shape}",
                expected=f"{FP8.name}, scales {expected} of blocks "
                f"{blocks.height} x {blocks.width}",
                remedy="config.json or a shard is of another model",
            )
        object.__setattr__(self, "dtype", _FLOAT32)
        object.__setattr__(self, "_codes", codes.array)
        object.__setattr__(self, "_blocks", blocks)

    @property
    def shape(self) -> Shape:
        """The matrix's shape."""
        return tuple(int(n) for n in self._codes.shape)  # type: ignore[attr-defined]

    @property
    def array(self) -> Array:
        """All numbers; a matrix of many is many bytes."""
        return self.box(slice(None), slice(None), _FLOAT32)

    @property
    def in_file(self) -> bool:
        """The file's bytes are codes."""
        return False

    @property
    def written(self) -> DType:
        """What its publisher's script writes."""
        return DEQUANTIZED

    def box(
        self, rows: slice, cols: slice, dtype: DType, matrix: tuple[int, int] | None = None
    ) -> Array:
        """The numbers of a box, rounded once to a format."""
        codes: Array = self._codes[rows, cols]  # type: ignore[attr-defined]
        blocks: Blocks = self._blocks  # type: ignore[attr-defined]
        first_row, first_col = rows.start or 0, cols.start or 0
        columns = (first_col + np.arange(codes.shape[1])) // blocks.width
        left = int(columns[0]) if columns.size else 0
        offsets = ((columns - left) * 256).astype(np.intp)
        right = int(columns[-1]) + 1 if columns.size else 0
        found = np.empty(codes.shape, dtype.carrier)
        row, step = 0, max(1, _VALUES_AT_ONCE // max(1, codes.shape[1]))
        while row < codes.shape[0]:
            band = (first_row + row) // blocks.height
            stop = min(codes.shape[0], (band + 1) * blocks.height - first_row)
            products = _VALUES * blocks.scales[band, left:right, None]
            table = cast(products.ravel(), _FLOAT32, dtype)
            for at in range(row, stop, step):
                some = slice(at, min(at + step, stop))
                np.take(table, codes[some] + offsets, out=found[some], mode="wrap")
            row = stop
        return found


_VALUES = e4m3_values()
