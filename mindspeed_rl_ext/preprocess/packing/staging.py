"""Packed files written row by row, which appear all together or not at all.

Covers: appending rows in constant memory, shuffling them at the end, a staging folder beside the
prefix, the refusal of files that an earlier run left under the same prefix.
Does not cover: the format itself; `packed` has it, with the reading.
"""

from __future__ import annotations

import glob
import os
import shutil
import tempfile
from array import array
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from mindspeed_rl_ext.core.errors import InputError
from mindspeed_rl_ext.preprocess.packing.abandoned import locked, remove_abandoned
from mindspeed_rl_ext.preprocess.packing.packed import (
    INT32,
    Ids,
    PackedDataset,
    files_of,
    index_bytes,
    key_file,
)

COPY_IDS = 1 << 20
# The mixing steps of SplitMix64: distinct numbers stay distinct.
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX = ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB))


class PackedWriter:
    """Appends rows of token ids; `staging` makes one.

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
        """The lengths of the rows so far, in tokens."""
        return np.array(self._lengths[key], dtype=np.int32)

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


@contextmanager
def staging(prefix: Path, *beside: Path, overwrite: bool) -> Iterator[Path]:
    """A folder beside the prefix whose files replace those of the prefix when the block ends well.

    Args:
        prefix: the output prefix.
        beside: further prefixes in the same directory, replaced together with it.
        overwrite: whether files of that prefix may be replaced; all of them are, so that no key
            of an earlier run remains.

    Raises:
        InputError: files of that prefix exist and `overwrite` is not set.
    """
    prefixes = (prefix, *beside)
    for one in prefixes:
        refuse_stale(one, overwrite=overwrite)
    with scratch_folder(prefix) as folder:
        yield folder
        stale = [path for one in prefixes for path in files_of(one)]
        for path in sorted(stale, key=_readers_start, reverse=True):
            path.unlink()
        _move_all(folder, prefix.parent)


@contextmanager
def scratch_folder(prefix: Path) -> Iterator[Path]:
    """A hidden folder beside a prefix, gone after the block, with the parents it had to make.

    Args:
        prefix: the output prefix; what killed runs of it have left is removed.
    """
    made = [path for path in (prefix.parent, *prefix.parent.parents) if not path.exists()]
    prefix.parent.mkdir(parents=True, exist_ok=True)
    remove_abandoned(prefix.parent, f".{glob.escape(prefix.name)}.*.tmp")
    folder = Path(tempfile.mkdtemp(prefix=f".{prefix.name}.", suffix=".tmp", dir=prefix.parent))
    try:
        with locked(folder):
            yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        _remove_empty(made)


def refuse_stale(prefix: Path, *, overwrite: bool) -> None:
    """Raises InputError where files of that prefix exist and may not be replaced."""
    stale = files_of(prefix)
    if stale and not overwrite:
        raise InputError(
            f"{len(stale)} files of prefix {prefix} exist already",
            found=", ".join(path.name for path in stale[:4]) + (", ..." if stale[4:] else ""),
            expected="none: a reader takes every key of a prefix, also those of an earlier run",
            remedy="choose another --output-prefix, or give --overwrite",
        )


def _remove_empty(folders: Sequence[Path]) -> None:
    """Removes folders that this run made, from the inside out, as far as they are empty."""
    for folder in folders:
        try:
            folder.rmdir()
        except OSError:
            return


def _move_all(folder: Path, target: Path) -> None:
    order = sorted(folder.iterdir(), key=_readers_start)
    moved: list[Path] = []
    try:
        for path in order:
            moved.append(target / path.name)
            os.replace(path, target / path.name)
    except BaseException:
        for path in moved:
            path.unlink(missing_ok=True)
        raise


def _readers_start(path: Path) -> tuple[bool, bool, str]:
    """The order in which files appear: readers start from an .idx and need that of input_ids."""
    return path.suffix == ".idx", path.name.endswith("_input_ids_document.idx"), path.name


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
