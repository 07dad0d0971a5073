"""The files of a distributed checkpoint: items one behind the other, each a whole torch file.

Covers: opening the item of a chunk, its values as a view of the mapped file; the check of the
items' own CRCs.
Does not cover: what the tensors are.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

from mindspeed_rl_ext.checkpoint.formats.dcp.metadata import Chunk, Item, Metadata
from mindspeed_rl_ext.checkpoint.formats.torch_file.archive import TorchArchive, none_fits
from mindspeed_rl_ext.checkpoint.formats.torch_file.unpickle import LazyTensor
from mindspeed_rl_ext.checkpoint.tensors import MappedFile, TensorView
from mindspeed_rl_ext.core.errors import InputError


class ChunkFiles:
    """The files that `.metadata` of a directory names; items are opened when they are asked for.

    Args:
        folder: the directory.
        metadata: what it holds.

    Raises:
        InputError: a file is missing or too short.
    """

    def __init__(self, folder: Path, metadata: Metadata) -> None:
        self.folder = folder
        self._ends: dict[str, int] = {}
        for item in metadata.items():
            end = item.offset + item.length
            self._ends[item.file] = max(end, self._ends.get(item.file, 0))
        for name, end in self._ends.items():
            self._check(folder / name, end)
        self._files: dict[str, MappedFile] = {}
        self._archives: dict[Item, TorchArchive] = {}
        self._lock = threading.Lock()

    def paths(self) -> list[Path]:
        """The files."""
        return [self.folder / name for name in sorted(self._ends)]

    def archive(self, item: Item) -> TorchArchive:
        """The torch file that lies there."""
        found = self._archives.get(item)
        if found is None:
            with self._lock:
                file = self._files.get(item.file)
                if file is None:
                    file = self._files[item.file] = MappedFile(self.folder / item.file)
            found = TorchArchive(file.path, file.window(item.offset, item.length))
            with self._lock:
                found = self._archives.setdefault(item, found)
        return found

    def tensor(self, chunk: Chunk) -> tuple[TorchArchive, LazyTensor]:
        """The torch file of a chunk's item, and the tensor in it.

        Raises:
            InputError: the item is no tensor of the chunk's shape.
        """
        archive = self.archive(chunk.item)
        found = archive.content
        if not isinstance(found, LazyTensor) or found.shape != chunk.shape:
            raise InputError(
                f"{self.folder / chunk.item.file} does not hold {chunk.name} where .metadata says",
                found=f"{found.shape}" if isinstance(found, LazyTensor) else f"{found!r}"[:200],
                expected=f"a tensor {chunk.shape} at byte {chunk.item.offset}",
                remedy="the file is of another checkpoint or damaged; copy it again",
            )
        return archive, found

    def view(self, chunk: Chunk) -> TensorView:
        """The chunk's values."""
        archive, tensor = self.tensor(chunk)
        return archive.view(tensor)

    def _check(self, path: Path, end: int) -> None:
        size = path.stat().st_size if path.is_file() else None
        if size is None:
            raise InputError(
                f"missing file {path}",
                found="no such file",
                expected="the file that .metadata names",
                remedy="copy the files of all ranks into one directory",
            )
        if size < end:
            raise InputError(
                f"truncated file {path}",
                found=f"{size} bytes",
                expected=f"at least {end}, by .metadata",
                remedy="copy the file again",
            )


class ItemsOfFile:
    """Items of one file as records with a CRC-32 each, for `ByteCheck`.

    Args:
        files: the directory's files.
        items: the items; all lie in one file.
    """

    def __init__(self, files: ChunkFiles, items: Sequence[Item]) -> None:
        self.path = files.folder / items[0].file
        self._files, self._items = files, {str(item.offset): item for item in items}
        self._records: dict[str, int] = {}

    def records(self) -> dict[str, int]:
        """Records of all items whose bytes are still to be read, and their lengths in bytes."""
        self._records = self._records or {
            f"{at}/{name}": length
            for at, item in self._items.items()
            for name, length in self._files.archive(item).records().items()
        }
        return self._records

    def holds_values(self, name: str) -> bool:
        """Whether a record is values of tensors, and not what describes them."""
        return "/data/" in name

    def computed_crc32(self, name: str) -> int:
        """CRC-32 of a record's bytes, read now."""
        at, _, record = name.partition("/")
        return self._files.archive(self._items[at]).computed_crc32(record)

    def damaged(self, found: Mapping[str, int | None]) -> list[str]:
        """Records whose bytes do not have the CRC-32 that their item says.

        A file whose writer left all of them out, as torch can be told to, has none to compare.
        """
        wrong = []
        for at, item in self._items.items():
            archive = self._files.archive(item)
            keys = {f"{at}/{name}": name for name in archive.records()}
            mine = {name: found[key] for key, name in keys.items() if key in found}
            wrong += [f"{at}/{name}" for name in archive.damaged(mine)] if mine else []
        values = [name for name in self.records() if self.holds_values(name)]
        return [] if len(values) > 1 and none_fits(self, values, found) else wrong

    def fits(self, name: str, found: Mapping[str, int | None]) -> bool:
        """Whether a record's bytes have the CRC-32 that its item says; read where not found yet."""
        at, _, record = name.partition("/")
        known: dict[str, int | None] = {record: found[name]} if name in found else {}
        return self._files.archive(self._items[at]).fits(record, known)
