"""`.metadata` of torch's distributed checkpoint: which tensors there are and where each chunk lies.

Covers: the pickle read by the restricted unpickler, as torch 2.1 and newer and Megatron write it;
every place and size checked before anything is used.
Does not cover: transformed (compressed) items, which are refused; what the names mean.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from math import prod
from pathlib import Path
from typing import Any, NamedTuple, TypeGuard

from mindspeed_rl_ext.checkpoint.dtypes import DType, by_name
from mindspeed_rl_ext.checkpoint.formats.torch_file.unpickle import Placeholder, restricted_loads
from mindspeed_rl_ext.checkpoint.tensors import Shape
from mindspeed_rl_ext.core.errors import InputError

METADATA = ".metadata"
_DAMAGED = "the file is damaged; copy it again"


class Item(NamedTuple):
    """Where something lies: the file's name, the first byte in it, the number of bytes."""

    file: str
    offset: int
    length: int


@dataclass(frozen=True)
class Chunk:
    """A box of a tensor that is stored by itself.

    Args:
        tensor: the tensor's name.
        offset: the box's first index on each axis.
        shape: the box's shape.
        item: where it lies.
    """

    tensor: str
    offset: Shape
    shape: Shape
    item: Item

    @property
    def name(self) -> str:
        """A name of its own: the tensor's, and where in it the box begins."""
        return chunk_name(self.tensor, self.offset)


def chunk_name(tensor: str, offset: Shape) -> str:
    """The name of a chunk.

    Example:
        >>> chunk_name("decoder.layers.mlp.linear_fc1.weight", (3, 0, 0))
        'decoder.layers.mlp.linear_fc1.weight[3,0,0]'
    """
    return f"{tensor}[{','.join(map(str, offset))}]"


@dataclass(frozen=True)
class TensorEntry:
    """A tensor: its number format, its shape, the chunks that it is stored in."""

    dtype: DType
    shape: Shape
    chunks: tuple[Chunk, ...]


@dataclass(frozen=True)
class Metadata:
    """What a directory holds.

    Args:
        tensors: name -> tensor.
        objects: name -> place, of what is no tensor.
    """

    tensors: Mapping[str, TensorEntry]
    objects: Mapping[str, Item]

    def items(self) -> Iterator[Item]:
        """All places."""
        for tensor in self.tensors.values():
            yield from (chunk.item for chunk in tensor.chunks)
        yield from self.objects.values()


def read_metadata(folder: Path) -> Metadata:
    """Reads `.metadata` of a directory.

    Raises:
        InputError: missing, broken, or it describes something that cannot be.
    """
    path = folder / METADATA
    if not path.is_file():
        raise InputError(
            f"no {METADATA} in {folder}",
            found="a directory without it" if folder.is_dir() else "no such directory",
            expected="a whole torch_dist or DCP checkpoint",
            remedy=f"copy {METADATA} as well (its name begins with a dot, which cp * leaves out); "
            "where the run that saved was killed, take an earlier checkpoint",
        )
    return _Reading(path).read()


class _Reading:
    """The pickle's objects, taken apart."""

    def __init__(self, path: Path) -> None:
        self._path = path
        content = restricted_loads(path.read_bytes(), str(path))
        state = _state(content)
        rows, places = (state.get(name) for name in ("state_dict_metadata", "storage_data"))
        if not isinstance(rows, dict) or not isinstance(places, dict):
            raise self._broken("the pickle", f"{content!r}"[:200], "torch's Metadata")
        self._rows = rows
        self._places = {self._index(key): value for key, value in places.items()}

    def read(self) -> Metadata:
        tensors: dict[str, TensorEntry] = {}
        objects: dict[str, Item] = {}
        for key, row in self._rows.items():
            name, state = str(key), _state(row)
            if "chunks" in state:
                tensors[name] = self._tensor(name, state)
            elif str(getattr(row, "what", "")).endswith("BytesStorageMetadata"):
                objects[name] = self._item(name, None)
            else:
                raise self._broken(name, f"{row!r}"[:200], "a tensor or bytes")
        return Metadata(tensors, objects)

    def _tensor(self, name: str, state: Mapping[str, Any]) -> TensorEntry:
        dtype = self._dtype(name, state.get("properties"))
        shape = self._shape(name, state.get("size"))
        chunks = []
        for row in state["chunks"] if isinstance(state["chunks"], (list, tuple)) else ():
            box = _state(row)
            offset, sizes = (self._shape(name, box.get(key)) for key in ("offsets", "sizes"))
            inside = len(offset) == len(sizes) == len(shape) and all(
                first + count <= size
                for first, count, size in zip(offset, sizes, shape, strict=True)
            )
            if not inside:
                raise self._broken(name, f"a chunk {sizes} at {offset}", f"a box inside {shape}")
            if prod(sizes):
                chunks.append(Chunk(name, offset, sizes, self._item(name, offset)))
        return TensorEntry(dtype, shape, tuple(chunks))

    def _dtype(self, name: str, properties: Any) -> DType:
        """Torch pickles the properties' state, or calls the class with them."""
        fields = getattr(properties, "__dict__", {})
        state = fields.get("state") or fields.get("arguments", ())
        if isinstance(state, dict):  # what older versions of torch pickle
            state = (state.get("dtype"),)
        found = str(state[0]) if isinstance(state, tuple) and state else repr(properties)
        if not found.startswith("torch."):
            raise self._broken(name, f"number format {found}"[:200], "one of torch's")
        return by_name(found.removeprefix("torch."))

    def _shape(self, name: str, value: Any) -> Shape:
        good = isinstance(value, (tuple, list)) and all(
            isinstance(n, int) and not isinstance(n, bool) and n >= 0 for n in value
        )
        if not good:
            raise self._broken(name, f"{value!r}"[:200], "a list of sizes")
        return tuple(value)

    def _index(self, key: Any) -> tuple[str, Shape | None]:
        """Torch pickles the index's attributes, we the call of its class."""
        state = _state(key)
        fqn, offset = (*getattr(key, "__dict__", {}).get("arguments", ()), None, None)[:2]
        fqn, offset = state.get("fqn", fqn), state.get("offset", offset)
        if not isinstance(fqn, str):
            raise self._broken("storage_data", f"{key!r}"[:200], "torch's MetadataIndex")
        return fqn, None if offset is None else self._shape(fqn, offset)

    def _item(self, name: str, offset: Shape | None) -> Item:
        place = self._places.get((name, offset))
        if place is None:
            raise self._broken(
                name, "no place" + (f" of the chunk at {offset}" if offset else ""), "a file"
            )
        state = _state(place)
        file, first, length = (state.get(k) for k in ("relative_path", "offset", "length"))
        good = isinstance(file, str) and _is_file_name(file)
        if not good or not _is_count(first) or not _is_count(length):
            raise self._broken(name, f"{(file, first, length)}"[:200], "a file of this directory")
        if state.get("transform_descriptors"):
            raise InputError(
                f"{name} of {self._path.parent} is transformed (compressed)",
                found=f"{state['transform_descriptors']}"[:200],
                expected="items as they are",
                remedy="save it again without storage extensions",
            )
        return Item(str(file), first, length)

    def _broken(self, name: str, found: str, expected: str) -> InputError:
        what = f"{self._path} is broken at {name}"
        return InputError(what, found=found, expected=expected, remedy=_DAMAGED)


@lru_cache(maxsize=1024)
def _is_file_name(text: str) -> bool:
    return Path(text).name == text and text not in ("", ".", "..")


def _is_count(value: Any) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _state(value: Any) -> dict[str, Any]:
    """What a placeholder's object held; {} for anything else."""
    state = getattr(value, "state", None) if isinstance(value, Placeholder) else None
    return state if isinstance(state, dict) else {}
