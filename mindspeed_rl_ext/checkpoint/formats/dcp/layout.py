"""Files of a distributed checkpoint, laid out and described without torch.

Covers: items that torch reads one by one, their values aligned to 64 bytes of the file; the pickle
of `.metadata` as torch 2.1 and newer read it.
Does not cover: copying values; which tensors there are.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache, partial
from math import prod
from typing import Any

from mindspeed_rl_ext.checkpoint.copying.file_plan import FilePlan, Item
from mindspeed_rl_ext.checkpoint.copying.streaming import Sums
from mindspeed_rl_ext.checkpoint.dtypes import DType
from mindspeed_rl_ext.checkpoint.formats.dcp import metadata as stored
from mindspeed_rl_ext.checkpoint.formats.torch_file.pickle_writer import (
    Call,
    Global,
    Instance,
    Pickled,
    StoredTensor,
    dumps,
    pickled,
)
from mindspeed_rl_ext.checkpoint.formats.torch_file.zip_container import TorchZip
from mindspeed_rl_ext.checkpoint.mapping.plan import TensorPlan
from mindspeed_rl_ext.checkpoint.tensors import Shape

_ALIGNMENT = 64
_CLASSES = "torch.distributed.checkpoint.metadata"
_SIZE = Global("torch", "Size")


def torch_file(content: Any) -> bytes:
    """A whole torch file without tensors."""
    layout = TorchZip()
    file = layout.add("archive/data.pkl", dumps(content))
    file += layout.add("archive/byteorder", b"little") + layout.add("archive/version", b"3\n")
    return file + layout.finish([])


@dataclass
class ItemFile:
    """A file of items, laid out one after another.

    Args:
        name: the file's name.
        head: items without tensors, which come first.
    """

    name: str
    head: bytes = b""
    items: list[Item] = field(default_factory=list)
    at: int = 0

    def __post_init__(self) -> None:
        self.at = len(self.head)

    def add(self, plan: TensorPlan) -> stored.Item:
        """Places one tensor; returns where."""
        padding = -self.at % _ALIGNMENT
        start = self.at + padding
        archive = _archive(plan.dtype, plan.shape)
        before = b"\0" * padding + archive.before
        self.items.append(Item(plan, self.at, before, archive.behind))
        self.at = start + archive.length
        return stored.Item(self.name, start, archive.length)

    def file_plan(self) -> FilePlan:
        """The file, for copying."""
        return FilePlan(self.head, tuple(self.items), self.at)


@dataclass(frozen=True)
class _Archive:
    """A torch file of one tensor, all but its values: what stands before and behind them."""

    before: bytes
    behind: Callable[[Sums], bytes]
    length: int


@lru_cache(maxsize=1024)
def _archive(dtype: DType, shape: Shape) -> _Archive:
    """The archive of such a tensor; the thousands of experts of a model have few shapes."""
    size = prod(shape) * dtype.itemsize
    layout = TorchZip()
    before = layout.add("archive/data.pkl", dumps(StoredTensor("0", dtype, shape)))
    before += layout.add("archive/byteorder", b"little")
    before += layout.add("archive/version", b"3\n")
    before += layout.place("archive/data/0", size)
    length = layout.at + len(layout.finish([0]))
    return _Archive(before, partial(_behind, layout, size), length)


def _behind(layout: TorchZip, size: int, sums: Sums) -> bytes:
    return layout.behind(size, sums.crc32) + layout.finish([sums.crc32])


def metadata_bytes(metadata: stored.Metadata) -> bytes:
    """The pickle of `.metadata`."""
    rows: dict[str, Any] = {}
    places: dict[Call, Instance] = {}
    for name, tensor in metadata.tensors.items():
        rows[name] = _row(tensor)
        for number, chunk in enumerate(tensor.chunks):
            places[_index(name, _size(chunk.offset), number)] = _place(chunk.item)
    for name, item in metadata.objects.items():
        rows[name] = Instance(_named("BytesStorageMetadata"), {})
        places[_index(name, None, None)] = _place(item)
    state = {"state_dict_metadata": rows, "planner_data": None, "storage_data": places}
    return dumps(Instance(_named("Metadata"), state))


def _row(tensor: stored.TensorEntry) -> Instance:
    # The class is called: what its pickled state looks like differs from torch to torch.
    properties = Call(_named("TensorProperties"), (Global("torch", tensor.dtype.name),))
    chunks = [
        Instance(
            _named("ChunkStorageMetadata"),
            {"offsets": _size(chunk.offset), "sizes": _size(chunk.shape)},
        )
        for chunk in tensor.chunks
    ]
    size = _size(tensor.shape)
    return Instance(
        _named("TensorStorageMetadata"), {"properties": properties, "size": size, "chunks": chunks}
    )


def _named(name: str) -> Global:
    return Global(_CLASSES, name)


@lru_cache(maxsize=1 << 16)
def _size(shape: Shape) -> Pickled:
    """A torch.Size. Most chunks have one of a few shapes, and each offset stands there twice."""
    return pickled(Call(_SIZE, (shape,)))


def _index(name: str, offset: Pickled | None, number: int | None) -> Call:
    return Call(_named("MetadataIndex"), (name, offset, number))


def _place(item: stored.Item) -> Instance:
    return Instance(
        Global("torch.distributed.checkpoint.filesystem", "_StorageInfo"),
        {"relative_path": item.file, "offset": item.offset, "length": item.length},
    )
