"""Tensors that are stored in chunks: which part of which HuggingFace tensor each chunk is.

A slot says what of the model a whole tensor is made of. A stored tensor may stack several slots on
leading axes (layers, experts) and be cut into boxes; each box becomes a slot of its own here.

Covers: any boxes, also over several layers; that they fill each slot exactly once, or as exact
copies.
Does not cover: names.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product
from math import prod

from mindspeed_rl_ext.checkpoint.mapping.expected import NOT_SPLIT, Part, Slot
from mindspeed_rl_ext.checkpoint.mapping.rules.basic import Copy
from mindspeed_rl_ext.checkpoint.tensors import Box, Ref, Shape, matrix_shape
from mindspeed_rl_ext.core.errors import InputError

CHUNK = "chunk"


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
        ref: how the checkpoint names it.
        tensor: the stored tensor's name.
        offset: its first index on each axis.
        shape: its shape.
        whole: the stored tensor's shape.
    """

    ref: Ref
    tensor: str
    offset: Shape
    shape: Shape
    whole: Shape


@dataclass(frozen=True)
class Join:
    """What a box and a slot have in common.

    Args:
        box: the box.
        item: the slot.
        area: the common part, in rows and columns of the slot.
        row: its first row in the box, seen as a matrix of `area.cols` columns.
    """

    box: StoredBox
    item: Placed
    area: Box
    row: int


def join_boxes(placed: Iterable[Placed], boxes: Iterable[StoredBox]) -> list[Join]:
    """Where boxes and slots meet, box by box.

    Args:
        placed: the slots of the model.
        boxes: the boxes that are stored; those of other tensors are passed over.

    Raises:
        InputError: a stored tensor has another shape than its slots imply; boxes overlap, or leave
            something of a slot out.
    """
    table: dict[str, dict[Shape, Placed]] = {}
    for item in placed:
        table.setdefault(item.tensor, {})[item.index] = item
    joins = [
        join for box in boxes if box.tensor in table for join in _joins(box, table[box.tensor])
    ]
    areas: dict[tuple[str, Shape], set[Box]] = {}
    for join in joins:
        areas.setdefault((join.item.tensor, join.item.index), set()).add(join.area)
    for items in table.values():
        for item in items.values():
            _check_filled(item, areas.get((item.tensor, item.index), set()))
    return joins


def _joins(box: StoredBox, items: dict[Shape, Placed]) -> Iterator[Join]:
    lead = len(next(iter(items)))
    shape = next(iter(items.values())).slot.shape
    if box.whole[lead:] != shape:
        raise InputError(
            f"{box.tensor} has another shape than config.json says",
            found=str(box.whole),
            expected=f"{shape}" + (f" behind {lead} axes of layers or experts" if lead else ""),
            remedy="check --hf-cfg-dir",
        )
    area = _area(box, lead)
    ranges = [range(at, at + n) for at, n in zip(box.offset[:lead], box.shape[:lead], strict=True)]
    for number, index in enumerate(product(*ranges)):
        if index in items:
            yield Join(box, items[index], area, number * area.rows)


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


def parts_of(joins: Iterable[Join]) -> list[Part]:
    """What each box is made of, as slots; a part for each shard."""
    by_box: dict[Ref, list[Join]] = {}
    for join in joins:
        by_box.setdefault(join.box.ref, []).append(join)
    shards: dict[str, list[Slot]] = {}
    for ref, mine in by_box.items():
        shards.setdefault(ref.shard, []).append(_slot_of(ref.name, mine))
    return [Part(shard, "", tuple(slots)) for shard, slots in shards.items()]


def _slot_of(name: str, joins: Sequence[Join]) -> Slot:
    box, first = joins[0].box, joins[0]
    lead = len(first.item.index)
    names: list[str] = []
    copies = []
    for join in joins:
        cut = cut_slot(join.item.slot, join.area, name)
        if names or join.row:
            copies += [
                replace(copy, source=copy.source + len(names), row=copy.row + join.row)
                for copy in cut.copies
            ]
        else:
            copies += cut.copies
        names += cut.hf
    return Slot(
        name=name,
        shape=box.shape,
        rule=CHUNK,
        hf=tuple(names),
        copies=tuple(copies),
        matrix=(prod(box.shape[:lead]) * first.area.rows, first.area.cols),
        keep_dtype=first.item.slot.keep_dtype,
    )


def cut_slot(slot: Slot, area: Box, name: str) -> Slot:
    """The part of a slot that lies in a box of its matrix.

    Args:
        slot: the slot.
        area: the box.
        name: the part's name.

    Returns:
        A slot whose shape and matrix are the box's rows and columns.
    """
    copies = []
    for copy in slot.copies:
        cut = _cut_copy(copy, area)
        if cut is not None:
            copies.append(cut)
    used = sorted({copy.source for copy in copies})
    if used != list(range(len(used))):
        copies = [replace(copy, source=used.index(copy.source)) for copy in copies]
    return Slot(
        name=name,
        shape=(area.rows, area.cols),
        rule=CHUNK,
        hf=tuple([slot.hf[source] for source in used]),
        copies=tuple(copies),
        matrix=(area.rows, area.cols),
        split=slot.split,
        keep_dtype=slot.keep_dtype,
        repeats=slot.repeats,
    )


def _cut_copy(copy: Copy, area: Box) -> Copy | None:
    """The part of a copy that lies in a box of the slot's matrix; None where nothing does."""
    tall, wide = (area.row, area.rows), (area.col, area.cols)
    if copy.transposed:
        down, at_row = _cut_line(copy.col, copy.box.rows, copy.step, *wide)
        right, at_col = _cut_line(copy.row, copy.box.cols, 1, *tall)
        row, col = at_col, at_row
    else:
        down, row = _cut_line(copy.row, copy.box.rows, copy.step, *tall)
        right, col = _cut_line(copy.col, copy.box.cols, 1, *wide)
    if not down or not right:
        return None
    first_row, first_col = copy.box.row + down.start, copy.box.col + right.start
    box = Box(first_row, len(down), first_col, len(right))
    return replace(copy, box=box, row=row, col=col)


def _cut_line(at: int, count: int, step: int, low: int, size: int) -> tuple[range, int]:
    """Which of a copy's rows lie in a range, and where the first of them is in it.

    Args:
        at: where the copy's first row lies.
        count: its rows.
        step: from one of them to the next.
        low: where the range begins.
        size: its length.
    """
    first = max(0, -(-(low - at) // step))
    last = min(count, -(-(low + size - at) // step))
    return range(first, max(first, last)), at + first * step - low


def by_source(slot: Slot) -> list[tuple[Slot, Box]]:
    """A slot of tensors that stand one above the other, taken apart: each, and where it lies.

    Gate above up, for one; each part is a whole HuggingFace tensor.
    """
    found = []
    for hf, area in zip(slot.hf, source_areas(slot), strict=True):
        part = cut_slot(slot, area, f"{slot.name} ({hf})")
        found.append((replace(part, rule="replicate", split=NOT_SPLIT), area))
    return found


def source_areas(slot: Slot) -> list[Box]:
    """Where the tensors lie in a slot whose tensors stand one above the other."""
    width = (slot.matrix or matrix_shape(slot.shape))[1]
    found = []
    for number in range(len(slot.hf)):
        mine = [copy for copy in slot.copies if copy.source == number]
        found.append(Box(mine[0].row, sum(copy.box.rows for copy in mine), 0, width))
    return found


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
