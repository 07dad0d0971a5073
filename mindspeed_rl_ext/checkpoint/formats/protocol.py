"""What a checkpoint format is: how it is recognised, read and written.

A format is a sub-package of `formats` whose `__init__` has a `FORMAT`. Planning, converting,
verifying and describing know formats by these protocols alone.

Covers: the protocols and the data that passes through them.
Does not cover: any format.

How the parts meet. A reader says which boxes of which HuggingFace tensors its own tensors are
(`parts`), a writer says the same of what it wants (`parts`); `mapping.plan` finds the overlaps. So
a format of whole tensors, of shards, or of chunks of stacked layers differ only in their parts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from mindspeed_rl_ext.checkpoint.copying.byte_check import ByteCheck
from mindspeed_rl_ext.checkpoint.copying.file_plan import FilePlan
from mindspeed_rl_ext.checkpoint.dtypes import DType
from mindspeed_rl_ext.checkpoint.mapping.expected import Part
from mindspeed_rl_ext.checkpoint.mapping.layout import Layout
from mindspeed_rl_ext.checkpoint.mapping.model import Model
from mindspeed_rl_ext.checkpoint.mapping.plan import Planner, TensorPlan
from mindspeed_rl_ext.checkpoint.tensors import Ref, Shape, TensorSource

if TYPE_CHECKING:
    from mindspeed_rl_ext.checkpoint.options import ConvertOptions


@dataclass(frozen=True)
class TensorInfo:
    """One stored tensor.

    Args:
        ref: how `view` names it.
        shape: its shape.
        dtype: its number format.
        of: the tensor that it is a box of, where the format stores tensors in chunks; else "".
        offset: the box's first index there on each axis.
        whole_shape: the shape of that tensor.
        written: the format that it is written in, where that is another one (dequantised).
        stored_bytes: bytes in the file, where numbers are packed into fewer; else None.
    """

    ref: Ref
    shape: Shape
    dtype: DType
    of: str = ""
    offset: Shape = ()
    whole_shape: Shape = ()
    written: DType | None = None
    stored_bytes: int | None = None

    @property
    def nbytes(self) -> int:
        """Bytes of its values in the file."""
        plain = prod(self.shape) * self.dtype.itemsize
        return plain if self.stored_bytes is None else self.stored_bytes


class CheckpointReader(TensorSource, Protocol):
    """An opened checkpoint; opening reads headers only.

    Attributes:
        folder: the directory that holds the tensors' files.
        layout: how it is sharded; `Layout()` with the naming it uses where that has no meaning.
        args: Megatron's args; {} where the format has none.
        missing_ranks: directories of the ranks that a part of a checkpoint lacks; () of a whole.
    """

    folder: Path
    layout: Layout
    args: Mapping[str, Any]
    missing_ranks: Sequence[str]

    def paths(self) -> list[Path]:
        """The files with tensors; their sizes and times are the source's identity."""

    def tensors(self) -> list[TensorInfo]:
        """All weights, in the order of the files. What is no weight (optimizer) is left out."""

    def find_config(self) -> Path | None:
        """The directory of the model's config.json and tokenizer, where the checkpoint knows."""

    def parts(self, model: Model) -> list[Part]:
        """Which boxes of the model's tensors the checkpoint holds, all names and shapes checked.

        Raises:
            InputError: args, names or shapes are not those of the model.
        """

    def prediction_layers(self, model: Model) -> int:
        """How many multi-token-prediction layers the checkpoint holds."""

    def joined(self, model: Model) -> tuple[TensorSource, list[Part]]:
        """The checkpoint for verifying: chunks of one tensor joined, what has no chunks as it is.

        Returns:
            Tensors, and what `parts` says of them: each is made by the rule of its slot.
        """

    def check_shards(self, model: Model, parts: Sequence[Part]) -> None:
        """Checks what headers tell of whether each shard is the one that belongs in its place.

        Called before converting, not before verifying; what is odd but readable is a warning.

        Raises:
            InputError: a shard is another one's, or of another checkpoint.
        """

    def byte_check(self) -> ByteCheck:
        """A check of the files' own checksums, not begun."""


@dataclass(frozen=True)
class Target:
    """What is to be written, for a writer.

    Args:
        model: the model.
        layout: the layout that the writer's `layout` returned.
        options: what the user asked for.
    """

    model: Model
    layout: Layout
    options: ConvertOptions


@dataclass(frozen=True)
class PlannedFile:
    """One file with tensors.

    Args:
        name: its path below the destination.
        plans: its tensors in the order of the file; maybe made each time they are gone through.
        lay_out: makes the file of them.
        shard: the directory of the rank whose file it is; "" where files are no ranks'.
    """

    name: str
    plans: Sequence[TensorPlan]
    lay_out: Callable[[], FilePlan] = field(repr=False)
    shard: str = ""

    @cached_property
    def totals(self) -> Totals:
        """What its tensors sum up to."""
        found = Totals()
        for plan in self.plans:
            found = found.with_tensor(plan)
        return found


class Totals(NamedTuple):
    """What some tensors to write sum up to: their number, bytes, and pieces."""

    tensors: int = 0
    nbytes: int = 0
    pieces: int = 0

    def with_tensor(self, plan: TensorPlan) -> Totals:
        """One tensor more."""
        return Totals(
            self.tensors + 1, self.nbytes + plan.nbytes, self.pieces + len(plan.pieces)
        )  # fmt: skip


class CheckpointWriter(Protocol):
    """Writes checkpoints of one format; holds no state.

    Attributes:
        marker: the file below the destination without which nothing loads; it is moved last.
        uses: names of the options that only some writers read, and this one does.
    """

    marker: str
    uses: frozenset[str]

    def existing(self, destination: Path) -> list[Path]:
        """What makes the destination a checkpoint already, the marker first."""

    def layout(self, model: Model, options: ConvertOptions) -> Layout:
        """How the model will be sharded; InputError where it can't be so."""

    def parts(self, model: Model, layout: Layout) -> list[Part]:
        """What the checkpoint must hold."""

    def files(self, target: Target, parts: Sequence[Part], planner: Planner) -> list[PlannedFile]:
        """Which tensors go into which file.

        Args:
            target: what is to be written.
            parts: what `parts` returned.
            planner: makes the plans of their tensors.
        """

    def finish(self, staged: Path, target: Target, files: Sequence[PlannedFile]) -> list[str]:
        """Writes what lies beside the files with tensors, the marker included.

        Args:
            staged: the staging directory, all files with tensors in it. Afterwards it is a whole
                checkpoint that the reader opens.
            target: what is written.
            files: the files with tensors.

        Returns:
            Names directly below the staging directory, in the order of moving into place; the
            manifest and the marker are not among them.
        """


@dataclass(frozen=True)
class Format:
    """One format.

    Args:
        name: its name in flags and manifests, such as "hf".
        title: what messages call it.
        recognise: whether a directory holds such a checkpoint; looks at names only.
        open: opens a checkpoint for reading.
        writer: writes them; None where the format is only read.
        aliases: what older hosts call it in --loader and --saver.
        reshards: converting from this format into itself is of use.
        usual_target: what it is converted to where nothing else is asked for.
    """

    name: str
    title: str
    recognise: Callable[[Path], bool]
    open: Callable[[Path], CheckpointReader]
    writer: CheckpointWriter | None = None
    aliases: tuple[str, ...] = ()
    reshards: bool = False
    usual_target: str = "hf"
