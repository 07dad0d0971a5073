"""A directory of chunks as a source of tensors; readers of formats that store so build on it.

Covers: chunks by name, views of them, the check of the items' own CRCs, which items share bytes.
Does not cover: what the tensors' names mean.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from mindspeed_rl_ext.checkpoint.copying.byte_check import ByteCheck, RecordPlace
from mindspeed_rl_ext.checkpoint.copying.joined import Joined
from mindspeed_rl_ext.checkpoint.formats.dcp.items import ChunkFiles, ItemsOfFile
from mindspeed_rl_ext.checkpoint.formats.dcp.metadata import (
    METADATA,
    Chunk,
    Item,
    Metadata,
    read_metadata,
)
from mindspeed_rl_ext.checkpoint.formats.protocol import TensorInfo
from mindspeed_rl_ext.checkpoint.mapping.chunks import Join, Placed, StoredBox, join_boxes, parts_of
from mindspeed_rl_ext.checkpoint.mapping.expected import Part
from mindspeed_rl_ext.checkpoint.mapping.model import Model
from mindspeed_rl_ext.checkpoint.tensors import Ref, TensorSource, TensorView, whole
from mindspeed_rl_ext.checkpoint.wording import some
from mindspeed_rl_ext.core.errors import InputError

log = logging.getLogger(__name__)

EXTRA = "_extra_state"
_SAFETENSORS = (
    "where FileSystemWriter had serialization_format=SAFETENSORS, which is not read, save it again "
    "without; else the file is damaged"
)


@dataclass(frozen=True)
class Found:
    """Where a model's tensors are stored.

    Args:
        placed: the slots.
        unknown: stored names that are none of the model's.
    """

    placed: list[Placed]
    unknown: list[str]


class Chunked:
    """The chunks that `.metadata` of a directory describes.

    Args:
        folder: the directory.

    Raises:
        InputError: `.metadata` or a file is missing, truncated or broken; chunks share bytes.
    """

    missing_ranks: Sequence[str] = ()

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.metadata: Metadata = read_metadata(folder)
        self._files = ChunkFiles(folder, self.metadata)
        _check_apart(folder, self.metadata)
        left = Counter(map(self.left_out, (*self.metadata.tensors, *self.metadata.objects)))
        # Every layer has an `_extra_state`, which says nothing in checkpoints without FP8.
        shown = [f"{count} of {what}" for what, count in left.items() if what not in ("", EXTRA)]
        if shown:
            log.info("%s: left out, as no weights of the model: %s", folder, ", ".join(shown))
        self._chunks: dict[Ref, Chunk] = {
            whole(chunk.name): chunk
            for name, tensor in self.metadata.tensors.items()
            if not self.left_out(name)
            for chunk in tensor.chunks
        }

    def left_out(self, name: str) -> str:
        """What a stored name is that is no weight of the model; "" for all others."""
        raise NotImplementedError

    def paths(self) -> list[Path]:
        """The files with tensors, and the one that says what they hold."""
        return [self.folder / METADATA, *self._files.paths()]

    def tensors(self) -> list[TensorInfo]:
        """All chunks of weights."""
        found = []
        for ref, chunk in self._chunks.items():
            entry = self.metadata.tensors[chunk.tensor]
            found.append(
                TensorInfo(ref, chunk.shape, entry.dtype, chunk.tensor, chunk.offset, entry.shape)
            )
        return found

    def view(self, ref: Ref) -> TensorView:
        """The chunk of that name; InputError where there is none."""
        if ref not in self._chunks:
            raise InputError(f"{self.folder} has no chunk {ref}")
        chunk = self._chunks[ref]
        found = self._files.view(chunk)
        expected = self.metadata.tensors[chunk.tensor].dtype
        if found.dtype != expected:
            raise InputError(
                f"{chunk.name} of {self.folder} has another number format than .metadata says",
                found=found.dtype.name,
                expected=expected.name,
                remedy="the file is of another checkpoint; copy it again",
            )
        return found

    def prefetch(self, ref: Ref) -> None:
        """Lets the disk read the chunk."""
        archive, tensor = self._files.tensor(self._chunks[ref])
        archive.prefetch(tensor)

    def release(self, ref: Ref) -> None:
        """Drops the chunk's pages from this process."""
        archive, tensor = self._files.tensor(self._chunks[ref])
        archive.release(tensor)

    def byte_check(self) -> ByteCheck:
        """A check of the items that hold weights, not begun."""
        items: dict[str, list[Item]] = {}
        for chunk in self._chunks.values():
            items.setdefault(chunk.item.file, []).append(chunk.item)
        files = {name: ItemsOfFile(self._files, mine) for name, mine in items.items()}
        return ByteCheck(files, self._place)

    def _place(self, ref: Ref) -> RecordPlace | None:
        chunk = self._chunks.get(ref)
        if chunk is None:
            return None
        archive, tensor = self._files.tensor(chunk)
        name, offset = archive.place(tensor)
        return RecordPlace(chunk.item.file, f"{chunk.item.offset}/{name}", offset)

    def joined(self, model: Model) -> tuple[TensorSource, list[Part]]:
        """The tensors that the chunks are of."""
        joined = Joined(self, self._joins(model))
        return joined, joined.parts

    def parts(self, model: Model) -> list[Part]:
        """Which part of the model each chunk is."""
        return parts_of(self._joins(model))

    def prediction_layers(self, model: Model) -> int:
        """Multi-token-prediction layers in it, by HuggingFace's names."""
        return model.held_predictions(self.metadata.tensors)

    def check_shards(self, model: Model, parts: Sequence[Part]) -> None:
        """Nothing: `.metadata` names each chunk's place, and the chunks fill the tensors."""

    def place(self, model: Model) -> Found:
        """The model's slots among the stored tensors; InputError where some are missing."""
        raise NotImplementedError

    def _joins(self, model: Model) -> list[Join]:
        found, tensors = self.place(model), self.metadata.tensors
        if found.unknown:
            raise InputError(
                f"{self.folder} has {len(found.unknown)} tensors that the model does not",
                found=some(found.unknown),
                remedy="check --model-type-hf and --hf-cfg-dir; nothing is dropped silently",
            )
        boxes = [
            StoredBox(ref, chunk.tensor, chunk.offset, chunk.shape, tensors[chunk.tensor].shape)
            for ref, chunk in self._chunks.items()
        ]
        return join_boxes(found.placed, boxes)


def _check_apart(folder: Path, metadata: Metadata) -> None:
    """No two chunks share bytes: `.metadata` of another run would say so."""
    spans = sorted(
        (chunk.item.file, chunk.item.offset, chunk.item.length, chunk.name)
        for tensor in metadata.tensors.values()
        for chunk in tensor.chunks
    )
    for one, two in pairwise(spans):
        (file, start, length, name), (other_file, other, _, other_name) = one, two
        if file == other_file and other < start + length:
            raise InputError(
                f".metadata of {folder} says that two chunks share bytes of {file}",
                found=f"{name} and {other_name} at {start} and {other}",
                remedy=_SAFETENSORS if one[:3] == two[:3] else "the file is damaged; copy it again",
            )
