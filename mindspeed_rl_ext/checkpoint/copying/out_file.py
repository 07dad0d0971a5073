"""A file that several threads write, past the page cache where the file system lets them.

Covers: direct writes of whole blocks; the edges that are no whole blocks, put in at the end; the
ordinary way where direct writes are refused.
Does not cover: what is written where.

Measured (benchmarks/checkpoint_choices.py, 0.5B mg -> hf, two shared cores, medians of 5): 1.59 s
with direct writes, 2.13 s with ordinary ones (1.03 and 1.23 s of CPU). No library writes a file so
from several threads.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import mmap
import os
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import numpy as np

BUFFER_BYTES = 4 << 20
BUFFERS = 2
# Offsets, lengths and addresses of direct writes are multiples of 4096 on disks of today; of whole
# pages, so that a cached page never holds bytes of a direct write.
BLOCK_BYTES = max(4096, mmap.PAGESIZE)
_LARGE_PAGE_BYTES = 2 << 20
_NOT_DIRECT = (errno.EINVAL, errno.EOPNOTSUPP, errno.ENOTSUP)
# Longer ordinary writes let Linux cache the file in pages of 2 MB and more. In a virtual machine
# these can cost much at first touch: 0.3 to 0.9 GB/s were measured, against 4 GB/s in this size.
_WRITE_BYTES = 1 << 20


class OutFile:
    """A new file.

    Args:
        path: the file; its directory is made.
        size: about how long it will be; it must not be longer in the end.
    """

    def __init__(self, path: Path, size: int) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        flags = os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC
        self._file = os.open(path, flags, 0o666)
        try:
            _allocate(self._file, size)
            self._direct = _opened_direct(path)
        except BaseException:
            os.close(self._file)
            raise
        self._edges: list[tuple[int, bytes]] = []

    @property
    def block(self) -> int:
        """What offsets and lengths of `write_blocks` must be multiples of."""
        return 1 if self._direct is None else BLOCK_BYTES

    def write_blocks(self, data: memoryview, at: int) -> None:
        """Writes whole blocks, from memory that is aligned as they are."""
        if self._direct is not None:
            try:
                _write(self._direct, data, at, len(data))
                return
            except OSError as error:
                if error.errno not in _NOT_DIRECT:
                    raise
        _write(self._file, data, at, _WRITE_BYTES)

    def keep_edge(self, data: bytes, at: int) -> None:
        """Notes bytes for the end: a cached page and direct writes into it do not go together."""
        self._edges.append((at, data))

    def finish(self) -> None:
        """Puts the edges in and waits for the disk."""
        for at, data in self._edges:
            _write(self._file, memoryview(data), at, _WRITE_BYTES)
        os.fsync(self._file)

    def close(self) -> None:
        """Closes it, finished or not."""
        for handle in (self._file, self._direct):
            if handle is not None:
                os.close(handle)


def _allocate(handle: int, size: int) -> None:
    """Gives the file its size, and its blocks at once where the file system can.

    Direct writes into blocks that exist already were faster on ext4 (about a sixth, for 3.1 GB),
    and a disk that is too small is found before anything is written. `os.posix_fallocate` is not
    it: where the file system cannot, glibc writes each block.

    Raises:
        OSError: the disk is full.
    """
    os.ftruncate(handle, size)
    fallocate = getattr(ctypes.CDLL(None, use_errno=True), "fallocate", None)
    if fallocate is None or size == 0 or ctypes.sizeof(ctypes.c_long) < 8:
        return
    fallocate.argtypes = (ctypes.c_int, ctypes.c_int, ctypes.c_long, ctypes.c_long)
    if fallocate(handle, 0, 0, size) and ctypes.get_errno() == errno.ENOSPC:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _opened_direct(path: Path) -> int | None:
    if not hasattr(os, "O_DIRECT"):
        return None
    try:
        return os.open(path, os.O_WRONLY | os.O_DIRECT | os.O_CLOEXEC)
    except OSError as error:
        if error.errno not in _NOT_DIRECT:
            raise
        return None


def _write(handle: int, data: memoryview, at: int, most: int) -> None:
    while data:
        count = os.pwrite(handle, data[:most], at)
        data, at = data[count:], at + count


class Buffers:
    """Aligned memory of one thread, and the thread that writes it out meanwhile."""

    def __init__(self) -> None:
        self.memory = _in_large_pages(BUFFERS, BUFFER_BYTES)
        self.writer = ThreadPoolExecutor(1)
        self.pending: list[Future[None] | None] = [None] * BUFFERS

    def close(self) -> None:
        """Waits for writes under way."""
        self.writer.shutdown()

    def wait(self, number: int) -> None:
        """Waits until a buffer can be filled again; raises what its write raised."""
        pending, self.pending[number] = self.pending[number], None
        if pending is not None:
            pending.result()


def _in_large_pages(count: int, size: int) -> list[memoryview]:
    """Buffers that lie in pages of 2 MB where Linux gives them.

    A disk gets a direct write in as many segments as it has pages. 3.2 GB in writes of 4 MB to a
    virtual disk, medians of 6: 2.9 GB/s from large pages, 2.1 GB/s from those of 4 KB.
    """
    flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS
    whole = mmap.mmap(-1, count * size + _LARGE_PAGE_BYTES, flags)
    with contextlib.suppress(OSError, AttributeError):  # a kernel, a system that has none
        whole.madvise(mmap.MADV_HUGEPAGE)
    first = -np.frombuffer(whole, np.uint8).ctypes.data % _LARGE_PAGE_BYTES
    starts = range(first, first + count * size, size)
    return [memoryview(whole)[start : start + size] for start in starts]


class RangeWriter:
    """Consecutive bytes of a file, gathered in buffers that are written while the next one fills.

    Args:
        file: the file.
        start: offset of the first byte.
        buffers: of the calling thread; used by nothing else until `finish`.
    """

    def __init__(self, file: OutFile, start: int, buffers: Buffers) -> None:
        self._file, self._buffers, self._number = file, buffers, 0
        # Where the buffer is in the file; where in the buffer ours begins, and where it ends.
        self._base = start - start % file.block
        self._first = self._end = start - self._base

    def add(self, data: bytes | memoryview) -> None:
        """Adds bytes."""
        values = np.frombuffer(data, np.uint8)
        while values.size:
            count = min(values.size, BUFFER_BYTES - self._end)
            memory = np.frombuffer(self._buffers.memory[self._number], np.uint8)
            memory[self._end : self._end + count] = values[:count]
            self._end += count
            values = values[count:]
            if self._end == BUFFER_BYTES:
                self._write_out()

    def finish(self) -> None:
        """Writes the rest and waits."""
        self._write_out()
        for number in range(BUFFERS):
            self._buffers.wait(number)

    def _write_out(self) -> None:
        block, memory = self._file.block, memoryview(self._buffers.memory[self._number])
        start = min(self._first + -self._first % block, self._end)
        stop = max(start, self._end - self._end % block)
        for first, last in ((self._first, start), (stop, self._end)):
            if first < last:
                self._file.keep_edge(bytes(memory[first:last]), self._base + first)
        if start < stop:
            write = self._file.write_blocks
            future = self._buffers.writer.submit(write, memory[start:stop], self._base + start)
            self._buffers.pending[self._number] = future
        self._base += BUFFER_BYTES
        self._first = self._end = 0
        self._number = (self._number + 1) % BUFFERS
        self._buffers.wait(self._number)
