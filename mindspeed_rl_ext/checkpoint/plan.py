"""The plan: every tensor to write, made of boxes of tensors to read, before a byte is written.

Covers: hf -> mg (boxes as the rules give them) and mg -> hf (the same boxes read backwards);
checks of names, shapes and formats against what the source really holds; copies to compare.
Does not cover: free disk and output files; `convert` checks and writes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from math import prod

from mindspeed_rl_ext.checkpoint.dtypes import CASTABLE, DType
from mindspeed_rl_ext.checkpoint.expected import RankPart, Slot
from mindspeed_rl_ext.checkpoint.tensors import Box, Ref, Shape, TensorSource, matrix_shape
from mindspeed_rl_ext.errors import InputError


@dataclass(frozen=True)
class Piece:
    """A box of a source tensor and where it goes in the tensor to write."""

    ref: Ref
    box: Box
    row: int
    col: int


@dataclass(frozen=True)
class TensorPlan:
    """One tensor to write.

    Args:
        ref: where it will be; the part is the file's (mg) or "" (hf).
        shape: its shape.
        dtype: its number format.
        pieces: boxes that tile it exactly.
    """

    ref: Ref
    shape: Shape
    dtype: DType
    pieces: tuple[Piece, ...] = field(repr=False)

    @property
    def nbytes(self) -> int:
        """Bytes of its values."""
        return prod(self.shape) * self.dtype.itemsize


@dataclass(frozen=True)
class CopyPair:
    """Two boxes of the source that must hold the same values: copies of one thing."""

    name: str
    first: tuple[Ref, Box]
    second: tuple[Ref, Box]


def plan_to_mg(
    parts: Iterable[RankPart], source: TensorSource, dtype: DType | None
) -> list[TensorPlan]:
    """Tensors of all ranks, from a HuggingFace model.

    Args:
        parts: what the checkpoint must hold.
        source: the HuggingFace model.
        dtype: the number format to write; None keeps the source's.

    Raises:
        InputError: sources of one tensor differ in format, or a cast is not possible.
    """
    formats: dict[str, DType] = {}
    plans = []
    for part in parts:
        for slot in part.slots:
            for name in slot.hf:
                if name not in formats:
                    formats[name] = source.view(Ref("", name)).dtype
            found = one_dtype(slot.name, {name: formats[name] for name in slot.hf}, dtype)
            pieces = tuple(
                Piece(Ref("", slot.hf[c.source]), c.box, c.row, c.col) for c in slot.copies
            )
            plans.append(_checked(TensorPlan(Ref(part.part, slot.name), slot.shape, found, pieces)))
    return plans


def plan_to_hf(
    parts: Iterable[RankPart],
    shapes: Mapping[str, Shape],
    source: TensorSource,
    dtype: DType | None,
) -> tuple[list[TensorPlan], list[CopyPair]]:
    """Tensors of a HuggingFace model, from the shards of all ranks.

    Args:
        parts: what the shards hold.
        shapes: the model's tensors in order, with shapes.
        source: the shards.
        dtype: the number format to write; None keeps the source's.

    Returns:
        The tensors, and the boxes that several ranks hold copies of.

    Raises:
        InputError: shards of one tensor differ in format, or a cast is not possible.
    """
    boxes: dict[str, dict[Box, tuple[Ref, Box]]] = {name: {} for name in shapes}
    copies: list[CopyPair] = []
    for name, hf_box, ref, mg_box in _backwards(parts):
        if hf_box in boxes[name]:
            copies.append(CopyPair(name, boxes[name][hf_box], (ref, mg_box)))
        else:
            boxes[name][hf_box] = (ref, mg_box)
    plans = []
    for name, shape in shapes.items():
        formats = {f"{r.part}/{r.name}": source.view(r).dtype for r, _ in boxes[name].values()}
        pieces = tuple(
            Piece(ref, box, hf_box.row, hf_box.col)
            for hf_box, (ref, box) in sorted(boxes[name].items())
        )
        found = one_dtype(name, formats, dtype)
        plans.append(_checked(TensorPlan(Ref("", name), shape, found, pieces)))
    return plans, copies


def _backwards(parts: Iterable[RankPart]) -> Iterator[tuple[str, Box, Ref, Box]]:
    """HuggingFace name and box, and the shard's tensor and box that hold the same values."""
    for part in parts:
        for slot in part.slots:
            for copy in slot.copies:
                if not copy.padding:
                    there = Box(copy.row, copy.box.rows, copy.col, copy.box.cols)
                    yield slot.hf[copy.source], copy.box, Ref(part.part, slot.name), there


def one_dtype(name: str, formats: Mapping[str, DType], wanted: DType | None) -> DType:
    """The format of a tensor made of several; InputError where they disagree."""
    kinds = set(formats.values())
    if wanted is not None and all(kind.name in CASTABLE for kind in kinds):
        return wanted
    if len(kinds) != 1:
        raise InputError(
            f"the sources of {name} have different number formats",
            found=", ".join(f"{key} {kind.name}" for key, kind in formats.items()),
            remedy="--params-dtype bf16 (or fp16, fp32) writes one format",
        )
    return kinds.pop()


def _checked(plan: TensorPlan) -> TensorPlan:
    area = sum(piece.box.rows * piece.box.cols for piece in plan.pieces)
    height, width = matrix_shape(plan.shape)
    if area != height * width:
        raise AssertionError(f"{plan.ref}: boxes cover {area} of {height * width} values")
    return plan


def slot_table(parts: Iterable[RankPart]) -> dict[Ref, Slot]:
    """The expected tensors by name."""
    return {Ref(part.part, slot.name): slot for part in parts for slot in part.slots}
