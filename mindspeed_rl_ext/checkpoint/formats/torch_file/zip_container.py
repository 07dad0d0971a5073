"""The container of a torch file, laid out without torch: a zip of stored records.

Covers: values aligned to 64 bytes; CRCs behind the data and in the directory, as torch itself
writes them, so that bytes come in order; zip64 where a size or an offset needs it. Readable by
torch 2.1 and newer, also with mmap=True, and by `zipfile`.
Does not cover: writing; compression.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass

from mindspeed_rl_ext.checkpoint.copying.crc32 import crc32

_ALIGNMENT = 64
_LIMIT = 0xFFFFFFFF
_PADDING_ID = 0x4246
_DOS_DATE = (1 << 5) | 1  # 1980-01-01: the same input gives the same bytes
_CRC_BEHIND = 8


@dataclass(frozen=True)
class _Entry:
    name: bytes
    size: int
    at: int
    crc: int | None  # None where it follows the data


class TorchZip:
    """Lays records out one after another.

    Args:
        limit: sizes and offsets from here on use zip64.
    """

    def __init__(self, limit: int = _LIMIT) -> None:
        self.at, self._limit = 0, limit
        self._entries: list[_Entry] = []

    def add(self, name: str, data: bytes) -> bytes:
        """A small record, whole."""
        header = self._header(name, len(data), crc32(data))
        self.at += len(data)
        return header + data

    def place(self, name: str, size: int) -> bytes:
        """The header of a record of `size` bytes; these and `behind` must follow it."""
        header = self._header(name, size, None)
        self.at += size + len(self.behind(size, 0))
        return header

    def behind(self, size: int, crc: int) -> bytes:
        """What follows the data of a placed record."""
        wide = "Q" if size >= self._limit else "I"
        return struct.pack(f"<4sI{wide}{wide}", b"PK\x07\x08", crc, size, size)

    def finish(self, crcs: Sequence[int]) -> bytes:
        """The directory; the file is whole with it.

        Args:
            crcs: CRC-32 of the placed records, in their order.
        """
        later = iter(crcs)
        entries = [
            self._central_entry(entry, next(later) if entry.crc is None else entry.crc)
            for entry in self._entries
        ]
        start, size, count = self.at, sum(map(len, entries)), len(entries)
        if start >= self._limit or size >= self._limit or count >= 0xFFFF:
            end = (0x06064B50, 44, 45, 45, 0, 0, count, count, size, start)
            entries.append(struct.pack("<IQHHIIQQQQ", *end))
            entries.append(struct.pack("<IIQI", 0x07064B50, 0, start + size, 1))
        few, short, first = min(count, 0xFFFF), self._capped(size), self._capped(start)
        entries.append(struct.pack("<IHHHHIIH", 0x06054B50, 0, 0, few, few, short, first, 0))
        return b"".join(entries)

    def _header(self, name: str, size: int, crc: int | None) -> bytes:
        """The local header, padded so that the data behind it is aligned."""
        encoded, known = name.encode("ascii"), crc is not None
        shown = size if known else 0
        wide = size >= self._limit
        extra = struct.pack("<HHQQ", 1, 16, shown, shown) if wide else b""
        padding = -(self.at + 30 + len(encoded) + len(extra) + 4) % _ALIGNMENT
        extra += struct.pack("<HH", _PADDING_ID, padding) + b"Z" * padding
        short = _LIMIT if wide else shown
        flags = 0 if known else _CRC_BEHIND
        fields = (45, flags, 0, 0, _DOS_DATE, crc or 0, short, short, len(encoded), len(extra))
        header = struct.pack("<IHHHHHIIIHH", 0x04034B50, *fields) + encoded + extra
        self._entries.append(_Entry(encoded, size, self.at, crc))
        self.at += len(header)
        return header

    def _central_entry(self, entry: _Entry, crc: int) -> bytes:
        extra = b""
        if entry.size >= self._limit:
            extra += struct.pack("<QQ", entry.size, entry.size)
        if entry.at >= self._limit:
            extra += struct.pack("<Q", entry.at)
        if extra:
            extra = struct.pack("<HH", 1, len(extra)) + extra
        size, flags = self._capped(entry.size), _CRC_BEHIND if entry.crc is None else 0
        head = (0x02014B50, 45, 45, flags, 0, 0, _DOS_DATE, crc, size, size, len(entry.name))
        tail = (len(extra), 0, 0, 0, 0, self._capped(entry.at))
        return struct.pack("<IHHHHHHIIIHHHHHII", *head, *tail) + entry.name + extra

    def _capped(self, number: int) -> int:
        return _LIMIT if number >= self._limit else number
