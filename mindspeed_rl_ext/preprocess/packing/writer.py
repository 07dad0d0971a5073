"""Packed files written row by row.

Covers: appending rows in constant memory, shuffling them at the end.
Does not cover: the format itself, `packed` has it, with the reading; that the files appear all
together, `staging` does.
"""

from __future__ import annotations

import os
from array import array
from collections.abc import Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from mindspeed_rl_ext.preprocess.packing.packed import (
    INT32,
    Ids,
    PackedDataset,
    index_bytes,
    key_file,
)

COPY_IDS = 1 << 20
# The mixing steps of SplitMix64: distinct numbers stay distinct.
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX = ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB))


class PackedWriter:
    """Appends rows of token ids.

    Args:
        folder: where the files are written, under their final names.
        name: last part of the prefix.
        keys: the keys of every row.
    """

    def __init__(self, folder: Path, name: str, keys: Sequence[str]) -> None:
        self._prefix = folder / name
        self.keys = tuple(keys)
        self._bins: dict[str, BinaryIO] = {
            key: key_file(self._prefix, key, "bin").open("wb") for key in self.keys
        }
        self._lengths = {key: array("i") for key in self.keys}

    def add(self, row: Mapping[str, Sequence[int] | Ids]) -> None:
        """Appends one row, with the ids of every key."""
        self.add_rows([row])

    def add_rows(self, rows: Sequence[Mapping[str, Sequence[int] | Ids]]) -> None:
        """Appends rows, with the ids of every key."""
        for key in self.keys:
            parts = [row[key] for row in rows]
            self._bins[key].write(_flat(parts).tobytes())
            self._lengths[key].extend(map(len, parts))

    def copy_rows(self, data: PackedDataset, start: int, stop: int) -> None:
        """Appends rows `start` to `stop` of packed files, byte by byte."""
        for key in self.keys:
            first, last = (int(data.offsets[key][row]) for row in (start, stop))
            for at in range(first, last, COPY_IDS):
                self._bins[key].write(data.ids[key][at : min(at + COPY_IDS, last)].tobytes())
            self._lengths[key].extend(data.lengths(key)[start:stop].tolist())

    def lengths(self, key: str) -> npt.NDArray[np.int32]:
        """The lengths of the rows so far, in tokens; none of a key that the rows do not have."""
        return np.array(self._lengths.get(key, ()), dtype=np.int32)

    def finish(self, *, shuffle_seed: int | None = None) -> None:
        """Writes the indexes; all bytes are on disk afterwards.

        Args:
            shuffle_seed: mixes the rows by this seed; None leaves them in order.
        """
        for key in self.keys:
            self._bins[key].flush()
            lengths = self.lengths(key)
            if shuffle_seed is not None:
                order = shuffled(len(lengths), shuffle_seed)
                _rewrite(self._bins[key], key_file(self._prefix, key, "bin"), lengths, order)
                lengths = lengths[order]
            with key_file(self._prefix, key, "idx").open("wb") as file:
                file.write(index_bytes(lengths))
                _flush(file)
            _flush(self._bins[key])
        self.close()

    def close(self) -> None:
        """Closes the files."""
        for file in self._bins.values():
            file.close()


def shuffled(count: int, seed: int) -> npt.NDArray[np.int64]:
    """An order of `count` rows that depends on the seed alone, on every machine and version."""
    mixed = np.arange(1, count + 1, dtype=np.uint64) + np.uint64(seed % 2**32) * np.uint64(2**32)
    mixed *= _GOLDEN
    for shift, factor in _MIX:
        mixed = (mixed ^ (mixed >> np.uint64(shift))) * np.uint64(factor)
    return np.argsort(mixed ^ (mixed >> np.uint64(31)), kind="stable")


def _rewrite(
    file: BinaryIO, path: Path, lengths: npt.NDArray[np.int32], order: npt.NDArray[np.int64]
) -> None:
    """Puts the rows of a .bin into another order."""
    sizes = lengths.astype(np.int64) * INT32.itemsize
    starts = np.cumsum(sizes) - sizes
    mixed = path.with_suffix(".mixed")
    with path.open("rb") as source, mixed.open("wb") as target:
        for start, size in zip(starts[order].tolist(), sizes[order].tolist(), strict=True):
            target.write(os.pread(source.fileno(), size, start))
        _flush(target)
    os.replace(mixed, path)


def _flat(parts: Sequence[Sequence[int] | Ids]) -> Ids:
    if parts and isinstance(parts[0], np.ndarray):
        return np.concatenate(parts).astype(INT32, copy=False)
    return np.fromiter(chain.from_iterable(parts), INT32, sum(map(len, parts)))


def _flush(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())
