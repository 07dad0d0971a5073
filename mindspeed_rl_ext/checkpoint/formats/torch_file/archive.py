"""Torch files as checkpoints: the container opened, tensors as views of the mapped file.

Covers: zip archives with stored records, any strides, offsets and shared storages.
Does not cover, and refuses before unpickling: TorchScript archives, torch's old formats, tar.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterable, Mapping
from functools import lru_cache
from math import prod
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np

from mindspeed_rl_ext.checkpoint.copying.byte_check import ByteCheck, RecordPlace
from mindspeed_rl_ext.checkpoint.copying.crc32 import crc32
from mindspeed_rl_ext.checkpoint.dtypes import by_name
from mindspeed_rl_ext.checkpoint.formats.torch_file.unpickle import LazyTensor, restricted_loads
from mindspeed_rl_ext.checkpoint.tensors import FileWindow, MappedFile, Ref, Shape, TensorView
from mindspeed_rl_ext.checkpoint.wording import no_file
from mindspeed_rl_ext.core.errors import InputError

_CHECK_BYTES = 8 << 20
_BYTE = by_name("uint8")
# What lies before and behind the values of an archive of one tensor fits into these.
_END_BYTES = 4096
_SMALL_BYTES = 1024
_MOST_TENSORS = 1024
_TENSORS: dict[bytes, LazyTensor] = {}


class _Record(NamedTuple):
    start: int
    length: int
    crc32: int = 0
    computed: int | None = None
    """CRC-32 of the bytes of a small record, which are all read when the file is opened."""


class TorchArchive:
    """One torch file, mapped.

    Args:
        path: the file.
        window: the part of it that is the archive; None for the whole file.

    Raises:
        InputError: missing, truncated, or no plain torch archive.
    """

    def __init__(self, path: Path, window: FileWindow | None = None) -> None:
        self.path = path
        if window is None and not path.is_file():
            raise InputError(
                f"missing shard {path}", found=no_file(path), remedy="copy the rank's file again"
            )
        if window is None and path.stat().st_size == 0:
            raise _refused(path, "an empty file")
        self._file = window or _whole(path)
        self._file.keep_ends(_END_BYTES)
        self._records = self._read_directory()
        order = self._records.get("byteorder")
        if order and self._file.bytes(order.start, order.length) == b"big":
            raise _refused(path, "values in big-endian byte order")
        pickled = self._records.get("data.pkl")
        if pickled is None:
            raise _refused(path, "a zip file without data.pkl")
        self.content: Any = _content(self._file.bytes(pickled.start, pickled.length), path)
        self._file.keep_ends(0)

    def view(self, tensor: LazyTensor) -> TensorView:
        """The tensor's values."""
        record = self._record_of(tensor)
        itemsize = tensor.dtype.itemsize
        if not prod(tensor.shape):
            return TensorView(tensor.dtype, np.empty(tensor.shape, tensor.dtype.carrier))
        last = tensor.offset + sum(
            (n - 1) * stride for n, stride in zip(tensor.shape, tensor.strides, strict=True)
        )
        if (last + 1) * itemsize > record.length:
            raise InputError(
                f"a tensor of {self.path} reaches beyond its storage data/{tensor.storage.key}",
                found=f"{record.length} bytes",
                expected=f"at least {(last + 1) * itemsize}",
                remedy="the file is damaged; copy it again",
            )
        flat = self._file.array(tensor.dtype, record.start, record.length // itemsize)
        if tensor.strides == _contiguous(tensor.shape):
            values = flat[tensor.offset : last + 1].reshape(tensor.shape)
            return TensorView(tensor.dtype, values)
        strides = tuple(stride * itemsize for stride in tensor.strides)
        array = np.lib.stride_tricks.as_strided(
            flat[tensor.offset :], tensor.shape, strides, writeable=False
        )
        return TensorView(tensor.dtype, array)

    def prefetch(self, tensor: LazyTensor) -> None:
        """Lets the disk read the tensor's storage."""
        record = self._record_of(tensor)
        self._file.prefetch(record.start, record.length)

    def release(self, tensor: LazyTensor) -> None:
        """Drops the pages of the tensor's storage from this process."""
        record = self._record_of(tensor)
        self._file.release(record.start, record.length)

    def place(self, tensor: LazyTensor) -> tuple[str, int]:
        """The record that holds a tensor, and the offset of its first value there, in bytes."""
        return f"data/{tensor.storage.key}", tensor.offset * tensor.dtype.itemsize

    def recorded_crc32(self, tensor: LazyTensor) -> int:
        """CRC-32 of the tensor's storage, as the file's directory has it."""
        return self._record_of(tensor).crc32

    def records(self) -> dict[str, int]:
        """Records whose bytes are still to be read, and their lengths in bytes."""
        return {
            name: record.length
            for name, record in self._records.items()
            if not self._was_read(name, record)
        }

    def holds_values(self, name: str) -> bool:
        """Whether a record is values of tensors, and not what describes them."""
        return name.startswith("data/")

    def computed_crc32(self, name: str) -> int:
        """CRC-32 of a record's bytes, read now."""
        record, crc = self._records[name], 0
        if record.computed is not None:
            return record.computed
        for at in range(record.start, record.start + record.length, _CHECK_BYTES):
            count = min(_CHECK_BYTES, record.start + record.length - at)
            crc = crc32(self._file.array(_BYTE, at, count).data, crc)
            self._file.release(at, count)
        return crc

    def damaged(self, found: Mapping[str, int | None]) -> list[str]:
        """Records whose bytes do not have the CRC-32 that the file says.

        A file whose writer left all of them out, as torch can be told to, has none to compare.

        Args:
            found: record -> CRC-32 of its bytes; where not all are here, and all are wrong, the
                others are read until one is right.
        """
        wrong = [
            name
            for name, record in self._records.items()
            if (name in found or self._was_read(name, record)) and not self.fits(name, found)
        ]
        values = [name for name in self._records if self.holds_values(name)]
        return [] if len(values) > 1 and none_fits(self, values, found) else wrong

    def fits(self, name: str, found: Mapping[str, int | None]) -> bool:
        """Whether a record's bytes have the CRC-32 that the file says; read where not found yet."""
        crc = found[name] if name in found else self.computed_crc32(name)
        return crc == self._records[name].crc32

    def _was_read(self, name: str, record: _Record) -> bool:
        """Whether a record beside the values was read, all of it, when the file was opened."""
        return record.computed is not None and not self.holds_values(name)

    def _record_of(self, tensor: LazyTensor) -> _Record:
        key = f"data/{tensor.storage.key}"
        if key not in self._records:
            raise InputError(
                f"{self.path} lacks the record {key}", remedy="the file is damaged; copy it again"
            )
        return self._records[key]

    def _read_directory(self) -> dict[str, _Record]:
        try:
            self._file.seek(0)
            with zipfile.ZipFile(self._file) as archive:
                entries = archive.infolist()
        except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
            raise self._no_zip(error) from error
        inner = {entry.filename.partition("/")[2]: entry for entry in entries}
        if "constants.pkl" in inner or any(name.startswith("code/") for name in inner):
            raise _refused(self.path, "a TorchScript archive, which holds code")
        return {name: self._locate(name, entry) for name, entry in inner.items()}

    def _no_zip(self, error: Exception) -> InputError:
        start = self._file.bytes(0, 4)
        if start == b"PK\x03\x04":
            return InputError(
                f"truncated shard {self.path}",
                found=f"{self._file.size} bytes without a zip directory at the end ({error})",
                remedy="copy the file again",
            )
        kind = "torch's old format, or a bare pickle" if start[:1] == b"\x80" else "no zip file"
        return _refused(self.path, kind)

    def _locate(self, name: str, entry: zipfile.ZipInfo) -> _Record:
        at, size = entry.header_offset, entry.file_size
        header = self._file.bytes(at, 30)
        if entry.compress_type != zipfile.ZIP_STORED or size != entry.compress_size:
            raise _refused(self.path, f"a compressed record {name}")
        start = at + 30 + int.from_bytes(header[26:28], "little")
        start += int.from_bytes(header[28:30], "little")
        if header[:4] != b"PK\x03\x04" or start + size > self._file.size:
            raise InputError(
                f"the record {name} of {self.path} is not where the directory says",
                remedy="the file is damaged; copy it again",
            )
        computed = None
        if size <= _SMALL_BYTES:
            computed = crc32(self._file.bytes(start, size))
        return _Record(start, size, entry.CRC, computed)


def _content(data: bytes, path: Path) -> Any:
    """What a pickle holds. One of a single tensor is the same for thousands of experts."""
    if len(data) > _SMALL_BYTES:
        return restricted_loads(data, str(path))
    # Threads may open archives at the same time: a dict's single steps are atomic, and a tensor
    # that two of them put in is the same one.
    found = _TENSORS.get(data)
    if found is None:
        content = restricted_loads(data, str(path))
        if not isinstance(content, LazyTensor):
            return content
        if len(_TENSORS) >= _MOST_TENSORS:
            _TENSORS.clear()
        found = _TENSORS[data] = content
    return found


@lru_cache(maxsize=1024)
def _contiguous(shape: Shape) -> Shape:
    """The strides of values that lie one behind the other, in numbers."""
    return tuple(prod(shape[axis + 1 :]) for axis in range(len(shape)))


def _whole(path: Path) -> FileWindow:
    file = MappedFile(path)
    return file.window(0, file.size)


def _refused(path: Path, found: str) -> InputError:
    return InputError(
        f"{path} is no checkpoint that can be read safely",
        found=found,
        expected="a zip archive as torch.save writes it",
        remedy="save it again with a current torch.save",
    )


class _Fitting(Protocol):
    def fits(self, name: str, found: Mapping[str, int | None]) -> bool:
        """Whether a record's bytes have the CRC-32 that the file says."""


def none_fits(file: _Fitting, names: Iterable[str], found: Mapping[str, int | None]) -> bool:
    """Whether no record has the CRC-32 that the file says: then its writer left them out.

    Args:
        file: the file.
        names: the records that hold values.
        found: CRC-32s that are known; where all of these are wrong, the others are read.
    """
    known_first = sorted(names, key=lambda name: name not in found)
    return not any(file.fits(name, found) for name in known_first)


def byte_check_of(
    archives: Mapping[str, TorchArchive], tensors: Mapping[Ref, LazyTensor]
) -> ByteCheck:
    """A check of the bytes of archives, not begun.

    Args:
        archives: the files by shard.
        tensors: what they hold; a tensor that is missing here is not checked.
    """

    def place(ref: Ref) -> RecordPlace | None:
        if ref not in tensors:
            return None
        return RecordPlace(ref.shard, *archives[ref.shard].place(tensors[ref]))

    return ByteCheck(archives, place)
