"""Tensors as views of mapped files, and boxes of them.

Covers: a memory-mapped file whose pages can be released; a tensor as a numpy view with its number
format; rectangular regions of a tensor seen as a matrix.
Does not cover: owning or changing values.
"""

from __future__ import annotations

import io
import mmap
import weakref
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np

from mindspeed_rl_ext.checkpoint.dtypes import Array, DType, cast
from mindspeed_rl_ext.checkpoint.open_maps import OPEN_MAPS, FileState

Shape = tuple[int, ...]
# The output layer's name in HuggingFace models: a tied one is a copy of the embedding.
OUTPUT_LAYER = "lm_head.weight"
# A fault reads about this much by itself; the call costs more than it saves for less.
_WORTH_ADVICE_BYTES = 1 << 16
_Bytes = bytes  # the name inside a class that has a method `bytes`


class Box(NamedTuple):
    """A rectangle of a matrix: first row, number of rows, first column, number of columns."""

    row: int
    rows: int
    col: int
    cols: int


def matrix_shape(shape: Shape) -> tuple[int, int]:
    """A tensor's shape as rows and columns; a vector is one column.

    Example:
        >>> matrix_shape((6,)), matrix_shape((6, 4)), matrix_shape((6, 4, 2))
        ((6, 1), (6, 4), (6, 8))
    """
    return (shape[0], prod(shape[1:])) if shape else (1, 1)


class Ref(NamedTuple):
    """Names one tensor of a checkpoint.

    Args:
        shard: the rank's directory or file, as the format names it; "" in a whole model.
        chunk: the model chunk in it ("model", "model0"); "" where the format has none.
        name: the tensor's name there.

    Example:
        >>> str(Ref("mp_rank_00", "model", "decoder.final_layernorm.weight"))
        'mp_rank_00/model/decoder.final_layernorm.weight'
        >>> str(Ref("", "", "lm_head.weight"))
        'lm_head.weight'
    """

    shard: str
    chunk: str
    name: str

    def __str__(self) -> str:
        return "/".join(part for part in self if part)


def whole(name: str) -> Ref:
    """The tensor of that name in a model that is not sharded."""
    return Ref("", "", name)


@dataclass(frozen=True)
class TensorView:
    """A tensor that lies in a mapped file.

    Args:
        dtype: the number format.
        array: the values in the format's carrier type, in the tensor's shape, maybe strided.
    """

    dtype: DType
    array: Array

    @property
    def shape(self) -> Shape:
        """The tensor's shape."""
        return tuple(int(n) for n in self.array.shape)

    @property
    def in_file(self) -> bool:
        """Whether the values are the file's bytes."""
        return True

    @property
    def written(self) -> DType:
        """The format to write it in where none is asked for."""
        return self.dtype

    def box(
        self, rows: slice, cols: slice, dtype: DType, matrix: tuple[int, int] | None = None
    ) -> Array:
        """The values of a box in a format; a view where that is the tensor's own.

        Args:
            rows: the box's rows.
            cols: its columns.
            dtype: the wanted format.
            matrix: rows and columns that the box counts; None for those of the shape.
        """
        return cast(self.matrix(matrix)[rows, cols], self.dtype, dtype)

    def matrix(self, wanted: tuple[int, int] | None = None) -> Array:
        """The values as rows and columns; a view wherever the strides allow it.

        Args:
            wanted: rows and columns; None for those of the shape.
        """
        return self.array.reshape(wanted or matrix_shape(self.shape))


class TensorSource(Protocol):
    """A checkpoint that can be read: what planning, copying and verifying ask of it."""

    def view(self, ref: Ref) -> TensorView:
        """The tensor of that name."""

    def prefetch(self, ref: Ref) -> None:
        """Says that the tensor's bytes are needed soon."""

    def release(self, ref: Ref) -> None:
        """Says that the tensor's pages are not needed soon."""


class MappedFile:
    """A file mapped for reading.

    Args:
        path: an existing file that is not empty.
    """

    def __init__(self, path: Path) -> None:
        self.path, self._state = path, FileState(path)
        self.size = self._state.size
        weakref.finalize(self, OPEN_MAPS.drop, self._state)

    def bytes(self, start: int, length: int) -> bytes:
        """A copy of a few bytes."""
        self._state.check()
        found = OPEN_MAPS.get(self._state)[start : start + length]
        self._state.check_read()
        return found

    def array(self, dtype: DType, start: int, count: int) -> Array:
        """`count` numbers from byte `start` on, as a view.

        Raises:
            InputError: the file became shorter meanwhile.
        """
        if count == 0:
            return np.empty(0, dtype.carrier)
        self._state.check()
        return np.frombuffer(OPEN_MAPS.get(self._state), dtype.carrier, count, start)

    def prefetch(self, start: int, length: int) -> None:
        """Lets the disk read a range; without it each fault reads a little and waits."""
        self._advise("MADV_WILLNEED", start, length)

    def release(self, start: int, length: int) -> None:
        """Drops the pages of a range from this process; they stay in the page cache.

        Raises:
            InputError: the file became shorter while its values were read.
        """
        self._advise("MADV_DONTNEED", start, length)
        self._state.check_read()

    def window(self, start: int, length: int) -> FileWindow:
        """A part of the file, seen as a file of its own."""
        return FileWindow(self, start, length)

    def _advise(self, advice: str, start: int, length: int) -> None:
        first = start - start % mmap.PAGESIZE
        if length >= _WORTH_ADVICE_BYTES and hasattr(mmap, advice):
            opened = OPEN_MAPS.get(self._state)
            opened.madvise(getattr(mmap, advice), first, start + length - first)


class FileWindow(io.RawIOBase):
    """A part of a mapped file: the file's methods with offsets that count from the part's start.

    It is a readable file object as well, so that `zipfile` can look into an archive that lies
    inside a larger file.

    Args:
        file: the file.
        start: the part's first byte.
        length: its length in bytes.
    """

    def __init__(self, file: MappedFile, start: int, length: int) -> None:
        super().__init__()
        self._file, self._start, self.size, self._at = file, start, length, 0
        self._kept: list[tuple[int, _Bytes]] = []

    def keep_ends(self, length: int) -> None:
        """Reads both ends once, for the many small reads that opening an archive takes.

        Args:
            length: bytes of each end; 0 forgets what was read.
        """
        self._kept = []
        if 2 * length >= self.size:  # all of it
            length = self.size if length else 0
        for start in {0, self.size - length} if length else ():
            self._kept.append((start, self.bytes(start, length)))

    def bytes(self, start: int, length: int) -> bytes:
        """A copy of a few bytes."""
        for first, data in self._kept:
            at = start - first
            if at >= 0 and at + length <= len(data):
                return data[at : at + length]
        length = max(0, min(length, self.size - start))
        return self._file.bytes(self._start + start, length)

    def array(self, dtype: DType, start: int, count: int) -> Array:
        """`count` numbers from byte `start` on, as a view."""
        return self._file.array(dtype, self._start + start, count)

    def prefetch(self, start: int, length: int) -> None:
        """Lets the disk read a range."""
        self._file.prefetch(self._start + start, length)

    def release(self, start: int, length: int) -> None:
        """Drops the pages of a range from this process."""
        self._file.release(self._start + start, length)

    def readable(self) -> bool:
        """Always."""
        return True

    def seekable(self) -> bool:
        """Always."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Moves the position that `read` begins at."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self.size}[whence]
        if base + offset < 0:
            raise OSError("negative position in a file")  # what zipfile expects of a short file
        self._at = base + offset
        return self._at

    def tell(self) -> int:
        """The position that `read` begins at."""
        return self._at

    def read(self, size: int | None = -1) -> _Bytes:
        """Bytes from the position on; all that are left for -1 or None."""
        left = max(0, self.size - self._at)
        found = self.bytes(self._at, left if size is None or size < 0 else min(size, left))
        self._at += len(found)
        return found
