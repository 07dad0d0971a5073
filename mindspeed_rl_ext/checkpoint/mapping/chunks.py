"""Tensors that are stored in chunks: which part of which HuggingFace tensor each chunk is.

A slot says what of the model a whole tensor is made of. A stored tensor may stack several slots on
leading axes (layers, experts) and be cut into boxes; each box becomes a slot of its own here.

Covers: any boxes, also over several layers; that they fill each slot exactly once, or as exact
copies; the other way, cutting a slot into boxes.
Does not cover: names; transposed copies.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from math import prod

from mindspeed_rl_ext.checkpoint.mapping.expected import Slot
from mindspeed_rl_ext.checkpoint.mapping.rules import Copy
from mindspeed_rl_ext.checkpoint.tensors import Box, Shape, matrix_shape
from mindspeed_rl_ext.checkpoint.wording import some
from mindspeed_rl_ext.core.errors import InputError


@dataclass(frozen=True)
class Placed:
    """A slot, and where it lies in the stored tensors.

    Args:
        tensor: the stored tensor's name.
        index: its place on the leading axes; () where the stored tensor is the slot's alone.
        slot: what it is made of.
    """

    tensor: str
    index: Shape
    slot: Slot

    @property
    def matrix(self) -> tuple[int, int]:
        """Rows and columns that the slot's copies count."""
        return self.slot.matrix or matrix_shape(self.slot.shape)


@dataclass(frozen=True)
class StoredBox:
    """A box of a stored tensor.

    Args:
        name: its name, for the slot that it becomes.
        tensor: the stored tensor's name.
        offset: its first index on each axis.
        shape: its shape.
        whole: the stored tensor's shape.
    """

    name: str
    tensor: str
    offset: Shape
    shape: Shape
    whole: Shape


def slots_of_boxes(placed: Iterable[Placed], boxes: Iterable[StoredBox]) -> list[Slot | None]:
    """What each box is made of.

    Args:
        placed: the slots of the model.
        boxes: the boxes that are stored.

    Returns:
        For each box its slot; None where the box is part of no slot.

    Raises:
        InputError: a stored tensor has another shape than its slots imply; boxes overlap, or leave
            something of a slot out.
    """
    table: dict[str, dict[Shape, Placed]] = {}
    for item in placed:
        table.setdefault(item.tensor, {})[item.index] = item
    found: dict[tuple[str, Shape], set[Box]] = {}
    slots: list[Slot | None] = []
    for box in boxes:
        items = table.get(box.tensor)
        slots.append(None if items is None else _slot_of(box, items, found))
    for tensor, items in table.items():
        for index, item in items.items():
            _check_filled(item, found.get((tensor, index), set()))
    return slots


def _slot_of(
    box: StoredBox, items: Mapping[Shape, Placed], found: dict[tuple[str, Shape], set[Box]]
) -> Slot | None:
    some_item = next(iter(items.values()))
    lead = len(some_item.index)
    if box.whole[lead:] != some_item.slot.shape:
        raise InputError(
            f"{box.tensor} has another shape than config.json says",
            found=str(box.whole),
            expected=f"{some_item.slot.shape}"
            + (f" behind {lead} axes of layers or experts" if lead else ""),
            remedy="check --hf-cfg-dir",
        )
    area, rows = _area(box, lead), matrix_shape(box.shape[lead:])[0]
    names: list[str] = []
    copies: list[Copy] = []
    ranges = [range(at, at + n) for at, n in zip(box.offset[:lead], box.shape[:lead], strict=True)]
    first: Slot | None = None
    for number, index in enumerate(product(*ranges)):
        item = items.get(index)
        if item is None:
            continue
        found.setdefault((box.tensor, index), set()).add(area)
        cut = cut_slot(item.slot, area, box.name)
        first = first or cut
        copies += [
            replace(copy, source=copy.source + len(names), row=copy.row + number * rows)
            for copy in cut.copies
        ]
        names += cut.hf
    if first is None:
        return None
    height = rows * prod(box.shape[:lead])
    return replace(
        first,
        shape=box.shape,
        hf=tuple(names),
        copies=tuple(copies),
        matrix=(height, area.cols),
    )


def _area(box: StoredBox, lead: int) -> Box:
    """The box in the matrix that a slot's copies count."""
    offset, shape, whole = (values[lead:] for values in (box.offset, box.shape, box.whole))
    if not shape:
        return Box(0, 1, 0, 1)
    if len(shape) == 1:
        return Box(offset[0], shape[0], 0, 1)
    if shape[2:] != whole[2:]:
        raise InputError(f"{box.tensor} is cut on its third axis", found=str(box.shape))
    width = prod(whole[2:])
    return Box(offset[0], shape[0], offset[1] * width, shape[1] * width)


def cut_slot(slot: Slot, area: Box, name: str) -> Slot:
    """The part of a slot that lies in a box of its matrix.

    Args:
        slot: the slot; none of its copies is transposed.
        area: the box.
        name: the part's name.

    Returns:
        A slot whose shape and matrix are the box's rows and columns.
    """
    copies = []
    for copy in slot.copies:
        if copy.transposed:
            raise AssertionError(f"{slot.name} is made of transposed boxes")
        row, col = max(area.row, copy.row), max(area.col, copy.col)
        rows = min(area.row + area.rows, copy.row + copy.box.rows) - row
        cols = min(area.col + area.cols, copy.col + copy.box.cols) - col
        if rows <= 0 or cols <= 0:
            continue
        box = Box(copy.box.row + row - copy.row, rows, copy.box.col + col - copy.col, cols)
        copies.append(replace(copy, box=box, row=row - area.row, col=col - area.col))
    used = sorted({copy.source for copy in copies})
    return replace(
        slot,
        name=name,
        shape=(area.rows, area.cols),
        hf=tuple(slot.hf[source] for source in used),
        copies=tuple(replace(copy, source=used.index(copy.source)) for copy in copies),
        matrix=(area.rows, area.cols),
    )


def _check_filled(item: Placed, boxes: set[Box]) -> None:
    height, width = item.matrix
    where = item.tensor + (f"{list(item.index)}" if item.index else "")
    pair = _overlapping(sorted(boxes))
    if pair:
        raise InputError(
            f"chunks of {where} overlap",
            found=f"{tuple(pair[0])} and {tuple(pair[1])} (row, rows, column, columns)",
            remedy="the checkpoint is damaged, or of several runs; copy it again",
        )
    area = sum(box.rows * box.cols for box in boxes)
    if area != height * width:
        raise InputError(
            f"chunks of {where} are missing",
            found=f"{area} of {height * width} values, in {len(boxes)} chunks",
            expected="chunks that fill the tensor",
            remedy="copy the files of all ranks; a run that was killed while it saved leaves such",
        )


def _overlapping(boxes: Sequence[Box]) -> tuple[Box, Box] | None:
    """Two boxes that share a value, of boxes sorted by row."""
    open_boxes: list[Box] = []
    for box in boxes:
        open_boxes = [other for other in open_boxes if other.row + other.rows > box.row]
        for other in open_boxes:
            if other.col < box.col + box.cols and box.col < other.col + other.cols:
                return other, box
        open_boxes.append(box)
    return None


def by_source(slot: Slot) -> Iterator[tuple[Slot, Box]]:
    """A slot taken apart where it stacks several tensors, and where each part lies in it.

    Parts of the same columns only: gate above up, the downward projections of query and key-value.
    """
    for number in range(len(slot.hf)):
        mine = [copy for copy in slot.copies if copy.source == number]
        row, rows = mine[0].row, sum(copy.box.rows for copy in mine)
        area = Box(row, rows, 0, (slot.matrix or matrix_shape(slot.shape))[1])
        yield cut_slot(slot, area, slot.name), area


def missing_names(names: Sequence[str], folder: object) -> InputError:
    """The error where tensors of the model are not stored."""
    return InputError(
        f"{folder} lacks {len(names)} tensors of the model",
        found=f"missing {some(names)}",
        remedy="check --model-type-hf and --hf-cfg-dir; a run that was killed while it saved "
        "leaves such a checkpoint",
    )
