"""Whether the bytes of files have the CRC-32 that the files carry, each byte read once.

Covers: CRCs of ranges that were copied anyhow, joined to those of whole records; records that were
not, or only in parts, read for themselves.
Does not cover: safetensors, which carry no checksum.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple, Protocol

from mindspeed_rl_ext.checkpoint.copying.crc32 import joined
from mindspeed_rl_ext.checkpoint.tensors import Ref
from mindspeed_rl_ext.checkpoint.wording import some
from mindspeed_rl_ext.core.errors import InputError

_Key = tuple[str, str]
# Records that one thread reads at a time, of which a distributed checkpoint has many tiny ones.
_READ_BYTES, _READ_RECORDS = 8 << 20, 512


class CheckedFile(Protocol):
    """A file that has a CRC-32 of each of its records."""

    path: Path

    def records(self) -> Mapping[str, int]:
        """Records whose bytes are still to be read, and their lengths in bytes."""

    def holds_values(self, name: str) -> bool:
        """Whether a record is values of tensors, and not what describes them."""

    def computed_crc32(self, name: str) -> int:
        """CRC-32 of a record's bytes, read now."""

    def damaged(self, found: Mapping[str, int | None]) -> list[str]:
        """Records whose bytes do not have the CRC-32 that the file has of them.

        Args:
            found: record -> CRC-32 of its bytes; others are compared where the file knows theirs.
        """


class RecordPlace(NamedTuple):
    """Where a tensor's bytes are: the file's key, the record in it, the first byte there."""

    file: str
    record: str
    offset: int


class ByteCheck:
    """The check of one source; its methods may be called from any thread.

    Args:
        files: key -> file.
        place: where a tensor's bytes are; None for tensors without a checksum.
    """

    def __init__(
        self,
        files: Mapping[str, CheckedFile] | None = None,
        place: Callable[[Ref], RecordPlace | None] = lambda ref: None,
    ) -> None:
        self._files, self._place = files or {}, place
        self._lock = threading.Lock()
        # Record -> start -> length and CRC of a range; file -> record -> CRC of all of it.
        self._ranges: dict[_Key, dict[int, tuple[int, int]]] = {}
        self._found: dict[str, dict[str, int | None]] = {file: {} for file in self._files}

    def saw(self, ref: Ref, start: int, length: int, crc: int) -> None:
        """Notes the CRC of a range of a tensor's bytes."""
        place = self._place(ref)
        if place is not None:
            with self._lock:
                ranges = self._ranges.setdefault((place.file, place.record), {})
                ranges[place.offset + start] = (length, crc)

    def read(self, ref: Ref) -> None:
        """Reads the record of a tensor that is not copied as it lies, unless that was done."""
        place = self._place(ref)
        if place is not None:
            self._read((place.file, place.record))

    def rest(self, used: Iterable[Ref] | None = None) -> list[Callable[[], None]]:
        """Joins what was seen; returns what is left to read.

        Args:
            used: the tensors that were copied from. Their records are checked, and those of their
                files that hold no values; None checks all.
        """
        places = (self._place(ref) for ref in used or ())
        wanted = {(place.file, place.record) for place in places if place is not None}
        files = {file for file, _ in wanted}
        left: list[tuple[_Key, int]] = []
        for file, checked in self._files.items():
            found = self._found[file]
            for name, length in checked.records().items():
                key = (file, name)
                beside = file in files and not checked.holds_values(name)
                if name in found or (used is not None and key not in wanted and not beside):
                    continue
                crc = _tiled(self._ranges[key], length) if key in self._ranges else None
                if crc is None:
                    left.append((key, length))
                else:
                    found[name] = crc
        return [partial(self._read_all, keys) for keys in _batches(left)]

    def finish(self) -> None:
        """Compares what was read, which is all that `rest` named.

        Raises:
            InputError: a file was changed after it was written.
        """
        for file, checked in self._files.items():
            crcs = self._found[file]
            wrong = checked.damaged(crcs) if crcs else []
            if wrong:
                raise InputError(
                    f"{checked.path} was changed after it was written",
                    found=f"another CRC-32 in {some(wrong)}",
                    remedy="copy the file again; a disk or a transfer flipped bits",
                )

    def _read_all(self, keys: Sequence[_Key]) -> None:
        """Reads records that no other thread reads."""
        for file, name in keys:
            self._found[file][name] = self._files[file].computed_crc32(name)

    def _read(self, key: _Key) -> None:
        file, name = key
        found = self._found[file]
        with self._lock:
            if name in found:
                return
            found[name] = None  # being read
        crc = self._files[file].computed_crc32(name)
        with self._lock:
            found[name] = crc


def _batches(records: Iterable[tuple[_Key, int]]) -> Iterator[list[_Key]]:
    """The records in their order, a few megabytes or many small ones at a time."""
    batch: list[_Key] = []
    count = 0
    for key, length in records:
        batch.append(key)
        count += length
        if count >= _READ_BYTES or len(batch) >= _READ_RECORDS:
            yield batch
            batch, count = [], 0
    if batch:
        yield batch


def _tiled(ranges: Mapping[int, tuple[int, int]], length: int) -> int | None:
    """The CRC of a whole record, where ranges fill it without a gap and without overlap."""
    crc = at = 0
    for start, (count, found) in sorted(ranges.items()):
        if start != at:
            return None
        crc, at = joined(crc, found, count), at + count
    return crc if at == length and length else None
