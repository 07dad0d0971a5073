"""The plan: every tensor to write, made of boxes of tensors to read, before a byte is written.

Covers: any of hf and mg to any of them. What is held and what is wanted are both described as
boxes of HuggingFace tensors; a piece is where two of them overlap. Copies to compare.
Does not cover: free disk and output files; `job` checks and `convert` writes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any, NamedTuple

from mindspeed_rl_ext.checkpoint.dtypes import CASTABLE, DType
from mindspeed_rl_ext.checkpoint.mapping.expected import Part, Slot
from mindspeed_rl_ext.checkpoint.mapping.rules.basic import Copy
from mindspeed_rl_ext.checkpoint.tensors import Box, Ref, Shape, matrix_shape
from mindspeed_rl_ext.core.errors import InputError

Matrix = tuple[int, int]


class Piece(NamedTuple):
    """A box of a source tensor and where it goes in the tensor to write.

    Args:
        ref: the source tensor.
        box: the box there.
        row: its first row in the tensor to write.
        col: its first column there.
        transposed: rows of the source are columns of the tensor to write.
        matrix: rows and columns that `box` counts, where the source's shape does not say.
        row_step: from one row of the box to the next in the source; 1 where they lie together.
        col_step: the same of columns.
        to_step: the same of columns of the tensor to write.
        shift: what is added to each value.
    """

    ref: Ref
    box: Box
    row: int
    col: int
    transposed: bool = False
    matrix: Matrix | None = None
    row_step: int = 1
    col_step: int = 1
    to_step: int = 1
    shift: float = 0.0

    @property
    def height(self) -> int:
        """Rows in the tensor to write."""
        return self.box.cols if self.transposed else self.box.rows

    @property
    def width(self) -> int:
        """Columns in the tensor to write."""
        return self.box.rows if self.transposed else self.box.cols


class TensorPlan(NamedTuple):
    """One tensor to write.

    Args:
        ref: where it will be.
        shape: its shape.
        dtype: its number format.
        pieces: boxes that tile it exactly.
        matrix: rows and columns that the pieces count.
    """

    ref: Ref
    shape: Shape
    dtype: DType
    pieces: tuple[Piece, ...]
    matrix: Matrix = (0, 0)

    @property
    def nbytes(self) -> int:
        """Bytes of its values."""
        return prod(self.shape) * self.dtype.itemsize


@dataclass(frozen=True)
class Held:
    """A box of a HuggingFace tensor and where the source holds it."""

    hf_box: Box
    ref: Ref
    row: int
    col: int
    transposed: bool
    matrix: Matrix | None
    step: int = 1
    shift: float = 0.0

    @property
    def box(self) -> Box:
        """The box in the source's tensor."""
        rows, cols = self.hf_box.rows, self.hf_box.cols
        if self.transposed:
            rows, cols = cols, rows
        return Box(self.row, rows, self.col, cols)


@dataclass(frozen=True)
class CopyPair:
    """Two boxes of the source that must hold the same values: copies of one thing."""

    name: str
    first: Held
    second: Held


def held_boxes(parts: Iterable[Part]) -> tuple[dict[str, list[Held]], list[CopyPair]]:
    """Where a source holds which box of which HuggingFace tensor.

    Args:
        parts: what the source holds.

    Returns:
        HuggingFace name -> boxes without repetition; and the repetitions.
    """
    found: dict[str, dict[Box, Held]] = {}
    copies: list[CopyPair] = []
    for part in parts:
        for slot in part.slots:
            for copy in slot.copies:
                if copy.padding:
                    continue
                name = slot.hf[copy.source]
                boxes = found.setdefault(name, {})
                ref = part.ref(slot)
                at = (copy.row, copy.col, copy.transposed)
                here = Held(copy.box, ref, *at, slot.matrix, copy.step, copy.shift)
                if copy.box in boxes:
                    copies.append(CopyPair(name, boxes[copy.box], here))
                else:
                    boxes[copy.box] = here
    return {name: sorted(boxes.values(), key=_by_box) for name, boxes in found.items()}, copies


def _by_box(held: Held) -> Box:
    return held.hf_box


@dataclass(frozen=True)
class Planner:
    """Makes the plans of tensors to write.

    Args:
        held: what the source holds.
        formats: the number format of each tensor of the source, as it is written.
        dtype: the number format to write; None keeps the source's.
    """

    held: Mapping[str, Sequence[Held]]
    formats: Mapping[Ref, DType]
    dtype: DType | None = None

    def plan(self, part: Part) -> Iterator[TensorPlan]:
        """The plans of a part's tensors, in order.

        Raises:
            InputError: sources of one tensor differ in format, or a cast is not possible.
        """
        for slot in part.slots:
            held, hf = self.held, slot.hf
            pieces = tuple(
                [piece for copy in slot.copies for piece in _pieces(copy, held[hf[copy.source]])]
            )
            wanted = None if slot.keep_dtype else self.dtype
            yield _checked(part, slot, one_dtype(slot.name, pieces, self.formats, wanted), pieces)


class PlansOfParts(Sequence[TensorPlan]):
    """The plans of parts, made each time they are gone through: 2,048 ranks have many.

    Args:
        planner: makes them.
        parts: of what.
    """

    def __init__(self, planner: Planner, parts: Sequence[Part]) -> None:
        self._planner, self._parts = planner, parts
        self._count: int | None = None

    def __iter__(self) -> Iterator[TensorPlan]:
        for part in self._parts:
            yield from self._planner.plan(part)

    def __len__(self) -> int:
        if self._count is None:
            self._count = sum(len(part.slots) for part in self._parts)
        return self._count

    def __getitem__(self, index: Any) -> Any:
        return list(self)[index]


def _pieces(copy: Copy, held: Sequence[Held]) -> list[Piece]:
    """The parts of a wanted box that each held box gives."""
    wanted = copy.box
    plain = len(held) == 1 and not held[0].transposed and held[0].step == copy.step == 1
    if plain and held[0].shift == copy.shift and _within(wanted, held[0].hf_box):
        (here,) = held  # the most frequent case: the source holds the whole tensor
        row, col = here.row + wanted.row - here.hf_box.row, here.col + wanted.col - here.hf_box.col
        box = Box(row, wanted.rows, col, wanted.cols)
        return [Piece(here.ref, box, copy.row, copy.col, copy.transposed, here.matrix)]
    pieces = []
    for here in held:
        there = here.hf_box
        row, col = max(wanted.row, there.row), max(wanted.col, there.col)
        rows = min(wanted.row + wanted.rows, there.row + there.rows) - row
        cols = min(wanted.col + wanted.cols, there.col + there.cols) - col
        if rows <= 0 or cols <= 0:
            continue
        down, right = (row - there.row) * here.step, col - there.col
        at = _shifted(here.row, here.col, down, right, here.transposed)
        down, right = (row - wanted.row) * copy.step, col - wanted.col
        to = _shifted(copy.row, copy.col, down, right, copy.transposed)
        size = (cols, rows) if here.transposed else (rows, cols)
        box = Box(at[0], size[0], at[1], size[1])
        flipped = copy.transposed != here.transposed
        steps = (1, here.step) if here.transposed else (here.step, 1)
        pieces.append(
            Piece(
                here.ref, box, *to, flipped, here.matrix, *steps, copy.step, copy.shift - here.shift
            )
        )
    return pieces


def _within(inner: Box, outer: Box) -> bool:
    return (
        inner.row >= outer.row
        and inner.col >= outer.col
        and inner.row + inner.rows <= outer.row + outer.rows
        and inner.col + inner.cols <= outer.col + outer.cols
    )


def _shifted(row: int, col: int, down: int, right: int, transposed: bool) -> tuple[int, int]:
    """A corner, moved by rows and columns of the HuggingFace tensor."""
    if transposed:
        down, right = right, down
    return row + down, col + right


def one_dtype(
    name: str, pieces: Sequence[Piece], formats: Mapping[Ref, DType], wanted: DType | None
) -> DType:
    """The format of a tensor made of several; InputError where they disagree."""
    first = formats[pieces[0].ref]
    if wanted is None and (
        len(pieces) == 1 or all(formats[piece.ref] is first for piece in pieces)
    ):
        return first
    kinds = {formats[piece.ref].name: formats[piece.ref] for piece in pieces}
    if wanted is not None and all(kind in CASTABLE for kind in kinds):
        return wanted
    if len(kinds) != 1:
        found = {str(piece.ref): formats[piece.ref].name for piece in pieces}
        raise InputError(
            f"the sources of {name} have different number formats",
            found=", ".join(f"{ref} {kind}" for ref, kind in found.items()),
            remedy="--params-dtype bf16 (or fp16, fp32) writes one format",
        )
    return next(iter(kinds.values()))


def _checked(part: Part, slot: Slot, dtype: DType, pieces: tuple[Piece, ...]) -> TensorPlan:
    area = 0
    for piece in pieces:
        area += piece.box.rows * piece.box.cols
    matrix = slot.matrix or matrix_shape(slot.shape)
    if area != matrix[0] * matrix[1]:
        raise AssertionError(
            f"{part.ref(slot)}: boxes cover {area} of {matrix[0] * matrix[1]} values"
        )
    return TensorPlan(part.ref(slot), slot.shape, dtype, pieces, matrix)


def slot_table(parts: Iterable[Part]) -> dict[Ref, Slot]:
    """The expected tensors by name."""
    return {part.ref(slot): slot for part in parts for slot in part.slots}
