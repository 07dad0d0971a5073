"""Whether the bytes of rank files have the CRC-32 that the files carry, each byte read once.

Covers: CRCs of ranges that were copied anyhow, joined to those of whole records; records that were
not, or only in parts, read for themselves.
Does not cover: safetensors, which carry no checksum.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from functools import partial

from mindspeed_rl_ext.checkpoint.copying.crc32 import joined
from mindspeed_rl_ext.checkpoint.formats.torch_file.archive import TorchArchive
from mindspeed_rl_ext.checkpoint.formats.torch_file.unpickle import LazyTensor
from mindspeed_rl_ext.checkpoint.tensors import Ref
from mindspeed_rl_ext.checkpoint.wording import some
from mindspeed_rl_ext.core.errors import InputError

_Key = tuple[str, str]


class ByteCheck:
    """The check of one source; its methods may be called from any thread.

    Args:
        archives: rank directory -> its file.
        tensors: the tensors of these files.
    """

    def __init__(
        self, archives: Mapping[str, TorchArchive], tensors: Mapping[Ref, LazyTensor]
    ) -> None:
        self._archives, self._tensors = archives, tensors
        self._lock = threading.Lock()
        # Record -> start -> length and CRC of a range; record -> CRC of all of it.
        self._ranges: dict[_Key, dict[int, tuple[int, int]]] = {}
        self._found: dict[_Key, int | None] = {}

    def saw(self, ref: Ref, start: int, length: int, crc: int) -> None:
        """Notes the CRC of a range of a tensor's bytes."""
        if ref not in self._tensors:
            return
        directory = ref.part.partition("/")[0]
        name, offset = self._archives[directory].place(self._tensors[ref])
        with self._lock:
            self._ranges.setdefault((directory, name), {})[offset + start] = (length, crc)

    def read(self, ref: Ref) -> None:
        """Reads the record of a tensor that is not copied as it lies, unless that was done."""
        if ref in self._tensors:
            directory = ref.part.partition("/")[0]
            self._read((directory, self._archives[directory].place(self._tensors[ref])[0]))

    def rest(self) -> list[Callable[[], None]]:
        """Joins what was seen; returns what is left to read."""
        left: list[Callable[[], None]] = []
        for directory, archive in self._archives.items():
            for name, length in archive.records().items():
                key = (directory, name)
                crc = _tiled(self._ranges.get(key, {}), length)
                if crc is not None and key not in self._found:
                    self._found[key] = crc
                elif key not in self._found:
                    left.append(partial(self._read, key))
        return left

    def finish(self) -> None:
        """Compares; all must have been read.

        Raises:
            InputError: a file was changed after it was written.
        """
        for directory, archive in self._archives.items():
            crcs = {name: crc for (there, name), crc in self._found.items() if there == directory}
            wrong = archive.damaged(crcs)
            if wrong:
                raise InputError(
                    f"{archive.path} was changed after it was written",
                    found=f"another CRC-32 in {some(wrong)}",
                    remedy="copy the file again; a disk or a transfer flipped bits",
                )

    def _read(self, key: _Key) -> None:
        with self._lock:
            if key in self._found:
                return
            self._found[key] = None  # being read
        crc = self._archives[key[0]].computed_crc32(key[1])
        with self._lock:
            self._found[key] = crc


def _tiled(ranges: Mapping[int, tuple[int, int]], length: int) -> int | None:
    """The CRC of a whole record, where ranges fill it without a gap and without overlap."""
    crc = at = 0
    for start, (count, found) in sorted(ranges.items()):
        if start != at:
            return None
        crc, at = joined(crc, found, count), at + count
    return crc if at == length and length else None
