"""Bytes to a file, their CRC computed beside the writing.

Covers: whole writes; CRC-32 in a second thread, since both calls leave Python's lock.
Does not cover: opening, renaming.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import BinaryIO

_SMALL_BYTES = 1 << 16


class Sink:
    """Writes to a file and counts.

    Args:
        file: opened for writing bytes.
        advance: called with the number of bytes after each window.
    """

    def __init__(self, file: BinaryIO, advance: Callable[[int], None]) -> None:
        self._file, self._advance = file, advance

    def write(self, data: bytes | memoryview) -> None:
        """Writes all of it."""
        view = memoryview(data)
        while view:
            view = view[self._file.write(view) :]

    def copy(self, windows: Iterable[memoryview], crc_thread: ThreadPoolExecutor) -> int:
        """Writes windows as they come; returns the CRC-32 of all their bytes."""
        crc = 0
        for window in windows:
            if len(window) < _SMALL_BYTES:
                crc = zlib.crc32(window, crc)
                self.write(window)
            else:
                computed = crc_thread.submit(zlib.crc32, window, crc)
                self.write(window)
                crc = computed.result()
            self._advance(len(window))
        return crc
