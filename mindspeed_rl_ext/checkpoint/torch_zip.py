"""The container of a torch file, written without torch: a zip of stored records.

Covers: values aligned to 64 bytes, valid CRCs patched in behind the data, zip64 where a size or an
offset needs it. Readable by torch 2.1 and newer, also with mmap=True, and by `zipfile`.
Does not cover: compression; appending.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from typing import BinaryIO

from mindspeed_rl_ext.checkpoint.streaming import Sink, Sums

_ALIGNMENT = 64
_LIMIT = 0xFFFFFFFF
_PADDING_ID = 0x4246
_DOS_DATE = (1 << 5) | 1  # 1980-01-01: the same input gives the same bytes


class TorchZipWriter:
    """Writes records one after another.

    Args:
        file: a new file, opened unbuffered for writing; it must be seekable.
        sink: writes into that file.
        limit: sizes and offsets from here on use zip64.
    """

    def __init__(self, file: BinaryIO, sink: Sink, limit: int = _LIMIT) -> None:
        self._file, self._sink, self._limit = file, sink, limit
        self._at = 0
        self._central: list[bytes] = []

    def add(self, name: str, data: bytes) -> None:
        """Adds a small record."""
        self._begin(name, len(data), zlib.crc32(data))
        self._put(data)

    def copy(self, name: str, size: int, write: Callable[[], Sums]) -> Sums:
        """Adds a record of `size` bytes that `write` puts into the sink; returns their sums."""
        header_at = self._at
        self._begin(name, size, 0)
        data_at = self._at
        sums = write()
        self._at = data_at + size
        if self._file.tell() != self._at:
            raise AssertionError(f"{name}: {self._file.tell() - data_at} bytes, planned {size}")
        self._central.pop()
        self._file.seek(header_at + 14)
        self._put_raw(struct.pack("<I", sums.crc32))
        self._file.seek(self._at)
        self._central.append(self._central_entry(name, size, sums.crc32, header_at))
        return sums

    def finish(self) -> None:
        """Writes the directory; the file is whole after it."""
        start = self._at
        for entry in self._central:
            self._put(entry)
        size, count = self._at - start, len(self._central)
        if start >= self._limit or size >= self._limit or count >= 0xFFFF:
            self._put_zip64_end(start, size, count)
        self._put(
            struct.pack(
                "<IHHHHIIH",
                0x06054B50,
                0,
                0,
                min(count, 0xFFFF),
                min(count, 0xFFFF),
                _capped(size, self._limit),
                _capped(start, self._limit),
                0,
            )
        )

    def _begin(self, name: str, size: int, crc: int) -> None:
        """The local header, padded so that the data behind it is aligned."""
        at, encoded = self._at, name.encode("ascii")
        extra = struct.pack("<HHQQ", 1, 16, size, size) if size >= self._limit else b""
        padding = -(at + 30 + len(encoded) + len(extra) + 4) % _ALIGNMENT
        extra += struct.pack("<HH", _PADDING_ID, padding) + b"Z" * padding
        capped = _capped(size, self._limit)
        fields = (0x04034B50, 45, 0, 0, 0, _DOS_DATE, crc, capped, capped, len(encoded), len(extra))
        self._put(struct.pack("<IHHHHHIIIHH", *fields) + encoded + extra)
        self._central.append(self._central_entry(name, size, crc, at))

    def _central_entry(self, name: str, size: int, crc: int, at: int) -> bytes:
        encoded, extra = name.encode("ascii"), b""
        if size >= self._limit:
            extra += struct.pack("<QQ", size, size)
        if at >= self._limit:
            extra += struct.pack("<Q", at)
        if extra:
            extra = struct.pack("<HH", 1, len(extra)) + extra
        capped = _capped(size, self._limit)
        head = (0x02014B50, 45, 45, 0, 0, 0, _DOS_DATE, crc, capped, capped, len(encoded))
        tail = (len(extra), 0, 0, 0, 0, _capped(at, self._limit))
        return struct.pack("<IHHHHHHIIIHHHHHII", *head, *tail) + encoded + extra

    def _put_zip64_end(self, start: int, size: int, count: int) -> None:
        at = self._at
        end = (0x06064B50, 44, 45, 45, 0, 0, count, count, size, start)
        self._put(struct.pack("<IQHHIIQQQQ", *end))
        self._put(struct.pack("<IIQI", 0x07064B50, 0, at, 1))

    def _put(self, data: bytes) -> None:
        self._put_raw(data)
        self._at += len(data)

    def _put_raw(self, data: bytes) -> None:
        self._sink.write(data)


def _capped(number: int, limit: int) -> int:
    return _LIMIT if number >= limit else number
