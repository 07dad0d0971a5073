"""Packed files written row by row, which appear all together or not at all.

Covers: appending rows in constant memory, a staging folder beside the prefix, the refusal of files
that an earlier run left under the same prefix.
Does not cover: the format itself; `packed` has it, with the reading.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from array import array
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from mindspeed_rl_ext.errors import InputError
from mindspeed_rl_ext.preprocess.packed import INT32, files_of, index_bytes, key_file


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

    def add(self, row: Mapping[str, Sequence[int]]) -> None:
        """Appends one row, with the ids of every key."""
        for key in self.keys:
            ids = np.asarray(row[key], dtype=INT32)
            self._bins[key].write(ids.tobytes())
            self._lengths[key].append(len(ids))

    def lengths(self, key: str) -> npt.NDArray[np.int32]:
        """The lengths of the rows so far, in tokens."""
        return np.array(self._lengths[key], dtype=np.int32)

    def finish(self) -> None:
        """Writes the indexes; all bytes are on disk afterwards."""
        for key in self.keys:
            with key_file(self._prefix, key, "idx").open("wb") as file:
                file.write(index_bytes(self.lengths(key)))
                _flush(file)
            _flush(self._bins[key])
        self.close()

    def close(self) -> None:
        """Closes the files."""
        for file in self._bins.values():
            file.close()


@contextmanager
def staging(prefix: Path, *, overwrite: bool) -> Iterator[Path]:
    """A folder beside the prefix whose files replace those of the prefix when the block ends well.

    Args:
        prefix: the output prefix.
        overwrite: whether files of that prefix may be replaced; all of them are, so that no key
            of an earlier run remains.

    Raises:
        InputError: files of that prefix exist and `overwrite` is not set.
    """
    refuse_stale(prefix, overwrite=overwrite)
    prefix.parent.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=f".{prefix.name}.", suffix=".tmp", dir=prefix.parent))
    try:
        yield folder
        for path in files_of(prefix):
            path.unlink()
        _move_all(folder, prefix.parent)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


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


def _move_all(folder: Path, target: Path) -> None:
    # Readers start from an .idx: those come last.
    order = sorted(folder.iterdir(), key=lambda path: (path.suffix == ".idx", path.name))
    moved: list[Path] = []
    try:
        for path in order:
            moved.append(target / path.name)
            os.replace(path, target / path.name)
    except BaseException:
        for path in moved:
            path.unlink(missing_ok=True)
        raise


def _flush(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())
