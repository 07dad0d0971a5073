"""verl's FSDP checkpoints as a source of tensors: one torch file of DTensors per rank.

Covers: any number of ranks, uneven parts, hybrid meshes (all copies of a part are compared), any
number format, which is kept.
Does not cover: optimizer and extra state, which lie in files of their own; tensor parallelism.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate
from pathlib import Path
from typing import Any

from mindspeed_rl_ext.checkpoint.copying.byte_check import ByteCheck
from mindspeed_rl_ext.checkpoint.copying.joined import Joined
from mindspeed_rl_ext.checkpoint.formats.dcp.running_model import find_model
from mindspeed_rl_ext.checkpoint.formats.fsdp.dtensor import LocalTensor, local_tensors
from mindspeed_rl_ext.checkpoint.formats.fsdp.offsets import RankPart, rank_parts
from mindspeed_rl_ext.checkpoint.formats.protocol import TensorInfo
from mindspeed_rl_ext.checkpoint.formats.torch_file.archive import TorchArchive, byte_check_of
from mindspeed_rl_ext.checkpoint.formats.torch_file.unpickle import LazyTensor
from mindspeed_rl_ext.checkpoint.mapping.chunks import (
    Join,
    Placed,
    StoredBox,
    join_boxes,
    parts_of,
)
from mindspeed_rl_ext.checkpoint.mapping.expected import Part
from mindspeed_rl_ext.checkpoint.mapping.layout import Layout
from mindspeed_rl_ext.checkpoint.mapping.model import Model
from mindspeed_rl_ext.checkpoint.tensors import Ref, Shape, TensorSource, TensorView
from mindspeed_rl_ext.checkpoint.wording import no_directory, some
from mindspeed_rl_ext.core.errors import InputError

_FILE = re.compile(r"model_world_size_(\d+)_rank_(\d+)\.pt")
# The ranks' files lie in the directory, or in what verl makes below a step's directory.
_PLACES = ("", "actor", "critic")


class FsdpReader:
    """An opened FSDP checkpoint.

    Args:
        folder: the directory with the ranks' files, or the step's directory above it.

    Raises:
        InputError: a rank's file is missing or broken; ranks contradict each other.
    """

    layout = Layout()
    args: Mapping[str, Any] = {}

    missing_ranks: Sequence[str] = ()

    def __init__(self, folder: Path) -> None:
        paths = _rank_files(folder)
        self.folder = paths[0].parent
        self._archives = {f"rank_{rank}": TorchArchive(path) for rank, path in enumerate(paths)}
        held: dict[str, list[list[LocalTensor]]] = {}
        for rank, archive in enumerate(self._archives.values()):
            for name, value in _content(archive).items():
                by_rank = held.setdefault(name, [[] for _ in paths])
                by_rank[rank] = local_tensors(name, value, archive.path.name)
        # Name -> how the checkpoint names each part -> the part.
        self._parts = {name: _named(name, rank_parts(name, held[name])) for name in held}
        self._tensors = {
            ref: part.local.values for parts in self._parts.values() for ref, part in parts.items()
        }

    def paths(self) -> list[Path]:
        """The ranks' files."""
        return [archive.path for archive in self._archives.values()]

    def tensors(self) -> list[TensorInfo]:
        """All ranks' parts of all tensors."""
        return [
            TensorInfo(ref, values.shape, values.dtype, name, part.offset, part.whole)
            for name, parts in self._parts.items()
            for ref, part in parts.items()
            for values in (part.local.values,)
        ]

    def find_config(self) -> Path | None:
        """The `huggingface` directory that verl writes beside the ranks' files."""
        places = (self.folder / "huggingface", self.folder)
        return next((place for place in places if (place / "config.json").is_file()), None)

    def parts(self, model: Model) -> list[Part]:
        """Which part of the model each rank holds."""
        return parts_of(self._joins(model))

    def joined(self, model: Model) -> tuple[TensorSource, list[Part]]:
        """The tensors that the ranks hold parts of."""
        joined = Joined(self, self._joins(model))
        return joined, joined.parts

    def prediction_layers(self, model: Model) -> int:
        """Multi-token-prediction layers in it."""
        return model.held_predictions(self._parts)

    def check_shards(self, model: Model, parts: Sequence[Part]) -> None:
        """Nothing: a rank is the number in its file's name, and the ranks fill the tensors."""

    def view(self, ref: Ref) -> TensorView:
        """A rank's values of a tensor; InputError where there are none."""
        return self._archives[ref.shard].view(self._values(ref))

    def prefetch(self, ref: Ref) -> None:
        """Lets the disk read the values."""
        self._archives[ref.shard].prefetch(self._values(ref))

    def release(self, ref: Ref) -> None:
        """Drops the values' pages from this process."""
        self._archives[ref.shard].release(self._values(ref))

    def byte_check(self) -> ByteCheck:
        """A check of the bytes of the ranks' files, not begun."""
        return byte_check_of(self._archives, self._tensors)

    def _values(self, ref: Ref) -> LazyTensor:
        if ref not in self._tensors:
            raise InputError(f"{self.folder} has no {ref}")
        return self._tensors[ref]

    def _joins(self, model: Model) -> list[Join]:
        found = find_model(model, list(self._parts), self.folder)
        if found.unknown:
            raise InputError(
                f"{self.folder} has {len(found.unknown)} tensors that the model does not",
                found=some(found.unknown),
                remedy="check --model-type-hf and --hf-cfg-dir; nothing is dropped silently",
            )
        shapes = _whole_shapes(found.placed)
        boxes = [box for name in shapes for box in self._boxes(name, shapes[name])]
        return join_boxes(found.placed, boxes)

    def _boxes(self, name: str, whole: Shape) -> Iterator[StoredBox]:
        """The parts of a stored tensor; plain ones are whole copies, or rows in rank order."""
        parts = self._parts[name]
        plain = [part.local.values.shape for part in parts.values() if not part.whole]
        rows = [shape[0] if shape else 1 for shape in plain]
        copies = all(shape == whole for shape in plain)
        if not copies and sum(rows) != whole[0]:
            raise InputError(
                f"the ranks' parts of {name} do not fill it",
                found=f"plain tensors of {some(map(str, plain))}",
                expected=f"whole copies {whole}, or its rows",
                remedy="check --hf-cfg-dir; the files may be of different runs",
            )
        starts = [0] * len(rows) if copies else [0, *accumulate(rows)]
        for number, (ref, part) in enumerate(parts.items()):
            shape, offset, full = part.local.values.shape, part.offset, part.whole
            if not full:
                full = whole if copies else (whole[0], *shape[1:])
                offset = (starts[number], *(0 for _ in shape[1:])) if shape else ()
            yield StoredBox(ref, name, offset, shape, full)


def _whole_shapes(placed: Sequence[Placed]) -> dict[str, Shape]:
    """The shapes of stored tensors, which may hold several slots on leading axes."""
    by_tensor: dict[str, list[Placed]] = {}
    for item in placed:
        by_tensor.setdefault(item.tensor, []).append(item)
    return {
        name: (*(1 + max(at) for at in zip(*(i.index for i in items), strict=True)),
               *items[0].slot.shape)
        for name, items in by_tensor.items()
    }  # fmt: skip


def is_fsdp(folder: Path) -> bool:
    """Whether the directory holds an FSDP checkpoint of verl."""
    return bool(_files_below(folder))


def _files_below(folder: Path) -> dict[tuple[int, int], Path]:
    """The ranks' files, by number of ranks and rank."""
    for place in _PLACES:
        names = ((path, _FILE.fullmatch(path.name)) for path in (folder / place).glob("*.pt"))
        found = {(int(name[1]), int(name[2])): path for path, name in names if name}
        if found:
            return found
    return {}


def _rank_files(folder: Path) -> list[Path]:
    """The files of all ranks, in their order."""
    found = _files_below(folder)
    if not found:
        raise InputError(
            f"no FSDP checkpoint in {folder}",
            found=no_directory(folder) or "no model_world_size_N_rank_R.pt",
            remedy="check --load-dir",
        )
    sizes = {size for size, _ in found}
    if len(sizes) > 1:
        raise InputError(
            f"{folder} holds files of several runs",
            found=f"world sizes {', '.join(map(str, sorted(sizes)))}",
            remedy="keep the files of one run",
        )
    size = sizes.pop()
    missing = [rank for rank in range(size) if (size, rank) not in found]
    if missing:
        raise InputError(
            f"{folder} lacks the files of {len(missing)} of {size} ranks",
            found=f"missing ranks {some(map(str, missing))}",
            remedy="copy the files of all nodes into one directory",
        )
    return [found[size, rank] for rank in range(size)]


def _content(archive: TorchArchive) -> Mapping[str, Any]:
    content = archive.content
    if not isinstance(content, dict):
        raise InputError(
            f"{archive.path} is no FSDP checkpoint",
            found=type(content).__name__,
            expected="a dict of tensors",
        )
    return {str(name): value for name, value in content.items()}


def _named(name: str, parts: Sequence[RankPart]) -> dict[Ref, RankPart]:
    """How the checkpoint names the parts of a tensor."""
    met: Counter[int] = Counter()
    named = {}
    for part in parts:
        end = f"@{met[part.rank]}" if met[part.rank] else ""
        met[part.rank] += 1
        named[Ref(f"rank_{part.rank}", "", name + end)] = part
    return named
