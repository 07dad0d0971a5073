"""Bytes to a file, their checksums computed beside the writing.

Covers: whole writes; CRC-32, SHA-256 and a look for NaN in a second thread, since all of them and
the write leave Python's lock.
Does not cover: opening, renaming.
"""

from __future__ import annotations

import hashlib
import os
import zlib
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np

from mindspeed_rl_ext.checkpoint.dtypes import DType

_SMALL_BYTES = 1 << 16
_FLUSH_BYTES = 128 << 20
# A longer write lets Linux cache the file in pages of 2 MB and more. In a virtual machine these can
# cost much at first touch: 0.3 to 0.9 GB/s were measured, against 4 GB/s in writes of this size.
_WRITE_BYTES = 1 << 20
# Bits beyond those of infinity are NaN: the exponent is full, something follows it.
_INFINITY = {"bfloat16": 0x7F80, "float16": 0x7C00, "float32": 0x7F800000}


@dataclass(frozen=True)
class Sums:
    """What is known of a tensor that was written.

    Args:
        crc32: of its bytes.
        sha256: of its bytes, in hex; "" where it was not asked for.
        has_nan: a value of it is no number.
    """

    crc32: int
    sha256: str = ""
    has_nan: bool = False


class Sink:
    """Writes to a file and counts.

    Args:
        file: opened for writing bytes.
        advance: called with the number of bytes after each window.
        flusher: told of each window; None to leave flushing to the system.
    """

    def __init__(
        self, file: BinaryIO, advance: Callable[[int], None], flusher: Flusher | None = None
    ) -> None:
        self._file, self._advance, self._flusher = file, advance, flusher

    def write(self, data: bytes | memoryview) -> None:
        """Writes all of it."""
        view = memoryview(data)
        while view:
            view = view[self._file.write(view[:_WRITE_BYTES]) :]

    def copy(
        self,
        windows: Iterable[memoryview],
        sum_thread: ThreadPoolExecutor,
        dtype: DType,
        sha256: bool = False,
    ) -> Sums:
        """Writes windows of a tensor as they come; returns the sums of all their bytes."""
        sums = _Running(dtype, sha256)
        added: Future[None] | None = None
        for window in windows:
            if added is not None:
                added.result()  # the sums run on: one window after the other
            added = None
            if len(window) < _SMALL_BYTES:
                sums.add(window)
            else:
                added = sum_thread.submit(sums.add, window)
            self.write(window)
            self._advance(len(window))
            if self._flusher is not None:
                self._flusher.wrote(len(window))
        if added is not None:
            added.result()
        return sums.result()


class Flusher:
    """Sends a file to the disk while it is being written, so that the end has little to wait for.

    Args:
        file: opened for writing.
        thread: where the disk is waited for.
    """

    def __init__(self, file: BinaryIO, thread: ThreadPoolExecutor) -> None:
        self._file, self._thread = file, thread
        self._waiting_bytes = 0
        self._running: Future[None] | None = None

    def wrote(self, amount: int) -> None:
        """Counts bytes; starts a flush where enough wait and none is under way."""
        self._waiting_bytes += amount
        idle = self._running is None or self._running.done()
        if self._waiting_bytes >= _FLUSH_BYTES and idle:
            self.finish()
            self._waiting_bytes = 0
            self._running = self._thread.submit(os.fsync, self._file.fileno())

    def finish(self) -> None:
        """Raises what a flush raised."""
        if self._running is not None:
            self._running.result()


class _Running:
    """Sums over windows."""

    def __init__(self, dtype: DType, sha256: bool) -> None:
        self._dtype, self._crc, self._has_nan = dtype, 0, False
        self._sha = hashlib.sha256() if sha256 else None

    def add(self, window: memoryview) -> None:
        self._crc = zlib.crc32(window, self._crc)
        if self._sha is not None:
            self._sha.update(window)
        self._has_nan = self._has_nan or has_nan(window, self._dtype)

    def result(self) -> Sums:
        return Sums(self._crc, self._sha.hexdigest() if self._sha else "", self._has_nan)


def has_nan(window: memoryview, dtype: DType) -> bool:
    """Whether a value is NaN.

    Example:
        >>> from mindspeed_rl_ext.checkpoint.dtypes import by_name
        >>> has_nan(memoryview(np.array([1.0, np.nan], "<f4")).cast("B"), by_name("float32"))
        True
    """
    if dtype.name not in _INFINITY:
        return False
    infinity = _INFINITY[dtype.name]
    sign = 1 << (8 * dtype.itemsize - 1)
    # The largest signed number finds NaN without a sign bit, the largest unsigned one those with.
    signed, unsigned = (np.frombuffer(window, f"<{kind}{dtype.itemsize}") for kind in "iu")
    return bool(signed.size) and bool(signed.max() > infinity or unsigned.max() > sign + infinity)
