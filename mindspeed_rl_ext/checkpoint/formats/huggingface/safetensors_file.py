"""safetensors files: header parsed and written here, values as views of the mapped file.

Covers: every check that a header allows (length, offsets, shapes, keys given twice, overlaps,
holes, a truncated file, bytes behind the last tensor); writing header first, values after it.
Does not cover: directories of shards; `reader` reads them.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

from mindspeed_rl_ext.checkpoint.dtypes import DType, by_safetensors_name
from mindspeed_rl_ext.checkpoint.tensors import MappedFile, Shape, TensorView
from mindspeed_rl_ext.checkpoint.wording import no_file
from mindspeed_rl_ext.core.errors import InputError

_MAX_HEADER_BYTES = 100_000_000


@dataclass(frozen=True)
class Entry:
    """One tensor of the header: where its bytes are in the file."""

    dtype: DType
    shape: Shape
    start: int
    length: int


class SafetensorsFile:
    """One safetensors file, mapped.

    Args:
        path: the file.

    Raises:
        InputError: missing, empty, truncated, or a header that contradicts itself.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        if not path.is_file():
            raise InputError(
                f"missing shard {path}",
                found=no_file(path),
                remedy="download it again, or check the index",
            )
        if path.stat().st_size < 8:
            raise _broken(path, f"{path.stat().st_size} bytes", "a safetensors header")
        self._file = MappedFile(path)
        header, data_start = self._read_header()
        self.entries = {
            name: self._entry(name, raw, data_start)
            for name, raw in header.items()
            if name != "__metadata__"
        }
        self._check_tiled(data_start)

    def view(self, name: str) -> TensorView:
        """The tensor of that name."""
        entry = self.entries[name]
        array = self._file.array(entry.dtype, entry.start, prod(entry.shape))
        return TensorView(entry.dtype, array.reshape(entry.shape))

    def prefetch(self, name: str) -> None:
        """Lets the disk read the tensor."""
        entry = self.entries[name]
        self._file.prefetch(entry.start, entry.length)

    def release(self, name: str) -> None:
        """Drops the tensor's pages from this process."""
        entry = self.entries[name]
        self._file.release(entry.start, entry.length)

    def _read_header(self) -> tuple[dict[str, Any], int]:
        length = int.from_bytes(self._file.bytes(0, 8), "little")
        if length > min(_MAX_HEADER_BYTES, self._file.size - 8):
            raise _broken(
                self.path,
                f"a header of {length} bytes in a file of {self._file.size}",
                "a header that fits into the file",
            )
        try:
            header = json.loads(self._file.bytes(8, length), object_pairs_hook=_unique)
        except (ValueError, RecursionError) as error:
            raise _broken(self.path, f"unreadable JSON header ({error})", "JSON") from error
        if not isinstance(header, dict):
            raise _broken(self.path, "a header that is no JSON object", "a JSON object")
        return header, 8 + length

    def _check_tiled(self, data_start: int) -> None:
        """Tensors follow one another from the header to the end: no overlap, no hole, no rest."""
        at, before = data_start, "the header"
        for name, entry in sorted(self.entries.items(), key=lambda item: _span(item[1])):
            if entry.start != at:
                what = "overlaps" if entry.start < at else "leaves a hole behind"
                found = f"{name} {what} {before}: it begins at byte {entry.start - data_start}"
                raise _broken(self.path, found, f"byte {at - data_start}")
            at, before = entry.start + entry.length, name
        if at != self._file.size:
            raise _broken(self.path, f"{self._file.size - at} bytes behind {before}", "none")

    def _entry(self, name: str, raw: Any, data_start: int) -> Entry:
        try:
            dtype = by_safetensors_name(str(raw["dtype"]))
            shape = tuple(int(n) for n in raw["shape"])
            first, last = (int(n) for n in raw["data_offsets"])
        except (KeyError, TypeError, ValueError) as error:
            raise _broken(self.path, f"{name}: {raw!r}", "dtype, shape and data_offsets") from error
        needed = prod(shape) * dtype.itemsize
        if min(shape, default=0) < 0 or first < 0 or last - first != needed:
            raise _broken(self.path, f"{name}: {last - first} bytes for {shape}", f"{needed} bytes")
        if data_start + last > self._file.size:
            raise InputError(
                f"truncated shard {self.path}",
                found=f"{self._file.size} bytes",
                expected=f"at least {data_start + last}, by the header's entry of {name}",
                remedy="download or copy the file again",
            )
        return Entry(dtype, shape, data_start + first, needed)


def _span(entry: Entry) -> tuple[int, int]:
    return entry.start, entry.length


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object; a key that stands in it twice could mean either value."""
    found = dict(pairs)
    if len(found) != len(pairs):
        keys = [key for key, _ in pairs]
        raise ValueError(f"{next(k for k in keys if keys.count(k) > 1)!r} stands there twice")
    return found


def _broken(path: Path, found: str, expected: str) -> InputError:
    return InputError(
        f"{path} is not a whole safetensors file",
        found=found,
        expected=expected,
        remedy="download or copy the file again",
    )


def header_bytes(tensors: Sequence[tuple[str, DType, Shape]]) -> bytes:
    """The header of a file that holds these tensors one after another.

    Args:
        tensors: name, format and shape of each, in file order.

    Returns:
        Length field and JSON, padded so that the values start at a multiple of 64 bytes.

    Example:
        >>> from mindspeed_rl_ext.checkpoint.dtypes import by_name
        >>> len(header_bytes([("a", by_name("bfloat16"), (2, 3))])) % 64
        0
    """
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    start = 0
    for name, dtype, shape in tensors:
        stop = start + prod(shape) * dtype.itemsize
        header[name] = {
            "dtype": dtype.safetensors,
            "shape": list(shape),
            "data_offsets": [start, stop],
        }
        start = stop
    text = json.dumps(header, separators=(",", ":")).encode("utf-8")
    text += b" " * (-(8 + len(text)) % 64)
    return len(text).to_bytes(8, "little") + text
