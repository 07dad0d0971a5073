"""Assembling a tensor from its pieces, window by window.

Covers: bytes in file order, at most a window in memory; a window that is one contiguous piece is
handed on without a copy, with the place that it comes from.
Does not cover: writing.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from mindspeed_rl_ext.checkpoint.copying.shift import WIDE, add
from mindspeed_rl_ext.checkpoint.dtypes import Array
from mindspeed_rl_ext.checkpoint.mapping.plan import Piece, TensorPlan
from mindspeed_rl_ext.checkpoint.tensors import Ref, TensorSource

# About what a core's cache holds: each window is read several times.
WINDOW_BYTES = 1 << 20
_WORTH_A_WINDOW_BYTES = 1 << 16


class Window(NamedTuple):
    """Some bytes of a tensor to write.

    Args:
        data: the bytes; valid until the next window is asked for.
        ref: the source tensor whose bytes they are, unchanged and one behind the other; or None.
        start: the first of them there.
    """

    data: memoryview
    ref: Ref | None = None
    start: int = 0


def windows(
    plan: TensorPlan, source: TensorSource, scratch: Array | None = None
) -> Iterator[Window]:
    """The tensor's bytes, in order.

    Args:
        plan: the tensor and its pieces.
        source: where the pieces lie.
        scratch: WINDOW_BYTES of memory, where windows are put together; None makes some.

    Yields:
        Windows of about WINDOW_BYTES, one row at least.
    """
    height, width = plan.matrix
    row_bytes = width * plan.dtype.itemsize
    step = max(1, WINDOW_BYTES // max(1, row_bytes))
    if scratch is None or row_bytes > scratch.size:
        scratch = np.empty(max(WINDOW_BYTES, row_bytes), np.uint8)
    start = 0
    while start < height:
        stop = _stop(plan, start, min(start + step, height))
        parts = [p for p in plan.pieces if p.row < stop and p.row + p.height > start]
        window = _whole_window(plan, source, parts, start, stop)
        if window is None:
            size = (stop - start) * row_bytes
            whole = scratch[:size].view(plan.dtype.carrier).reshape(stop - start, width)
            for piece in parts:
                first, last = max(start, piece.row), min(stop, piece.row + piece.height)
                columns = _range(piece.col, piece.width, piece.to_step)
                target = whole[first - start : last - start, columns]
                target[...] = _rows_of(plan, source, piece, first, last)
            window = Window(scratch[:size].data)
        yield window
        start = stop


def _stop(plan: TensorPlan, start: int, stop: int) -> int:
    """Where a window ends: no further than a piece of whole rows, so that it needs no copy."""
    width = plan.matrix[1]
    for piece in plan.pieces:
        if piece.row <= start < piece.row + piece.height and piece.width == width:
            if piece.height * width * plan.dtype.itemsize >= _WORTH_A_WINDOW_BYTES:
                return min(stop, piece.row + piece.height)
            break
    return stop


def _whole_window(
    plan: TensorPlan, source: TensorSource, parts: list[Piece], start: int, stop: int
) -> Window | None:
    """The window as a view of the source, where one contiguous piece covers it."""
    if len(parts) != 1 or parts[0].width != plan.matrix[1]:
        return None
    view = _rows_of(plan, source, parts[0], start, stop)
    if not view.flags.c_contiguous or view.shape[0] != stop - start:
        return None
    data = view.reshape(-1).view(np.uint8).data
    tensor = source.view(parts[0].ref)
    unchanged = tensor.in_file and tensor.dtype == plan.dtype and not parts[0].shift
    if not unchanged or not tensor.array.flags.c_contiguous:
        return Window(data)
    return Window(data, parts[0].ref, _address(view) - _address(tensor.array))


def _address(array: Array) -> int:
    address: int = array.__array_interface__["data"][0]
    return address


def _rows_of(plan: TensorPlan, source: TensorSource, piece: Piece, first: int, last: int) -> Array:
    """Rows first to last of the tensor to write, made of the piece's source."""
    if piece.shift:
        wide = plan._replace(dtype=WIDE)
        return add(_rows_of(wide, source, piece._replace(shift=0.0), first, last), piece.shift,
                   plan.dtype)  # fmt: skip
    tensor = source.view(piece.ref)
    box = piece.box
    at, count = first - piece.row, last - first
    if piece.transposed:
        rows = _range(box.row, box.rows, piece.row_step)
        cols = _range(box.col + at * piece.col_step, count, piece.col_step)
        values: Array = tensor.box(rows, cols, plan.dtype, piece.matrix).T
        return values
    rows = _range(box.row + at * piece.row_step, count, piece.row_step)
    cols = _range(box.col, box.cols, piece.col_step)
    return tensor.box(rows, cols, plan.dtype, piece.matrix)


def _range(start: int, count: int, step: int) -> slice:
    """So many rows or columns, from one to the next a step."""
    return slice(start, start + (count - 1) * step + 1, step if step > 1 else None)
