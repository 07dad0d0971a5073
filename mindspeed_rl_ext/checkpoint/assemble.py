"""Assembling a tensor from its pieces, window by window.

Covers: bytes in file order, at most a window in memory; a window that is one contiguous piece is
handed on without a copy.
Does not cover: writing.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from mindspeed_rl_ext.checkpoint.dtypes import Array, cast
from mindspeed_rl_ext.checkpoint.plan import Piece, TensorPlan
from mindspeed_rl_ext.checkpoint.tensors import TensorSource

WINDOW_BYTES = 8 << 20


def windows(
    plan: TensorPlan, source: TensorSource, window_bytes: int = WINDOW_BYTES
) -> Iterator[memoryview]:
    """The tensor's bytes, in order.

    Args:
        plan: the tensor and its pieces.
        source: where the pieces lie.
        window_bytes: about the most that is held at once.

    Yields:
        Views; each is valid until the one after the next is asked for.
    """
    height, width = plan.matrix
    step = max(1, window_bytes // max(1, width * plan.dtype.itemsize))
    # Two in turns: the sums of one window may still be computed while the next is put together.
    buffers = np.empty((2, min(step, height), width), plan.dtype.carrier)
    for number, start in enumerate(range(0, height, step)):
        stop = min(start + step, height)
        parts = [p for p in plan.pieces if p.row < stop and p.row + p.height > start]
        whole = _whole_window(plan, source, parts, start, stop)
        if whole is None:
            whole = buffers[number % 2, : stop - start]
            for piece in parts:
                first, last = max(start, piece.row), min(stop, piece.row + piece.height)
                target = whole[first - start : last - start, piece.col : piece.col + piece.width]
                target[...] = _rows_of(plan, source, piece, first, last)
        yield whole.reshape(-1).view(np.uint8).data


def _whole_window(
    plan: TensorPlan, source: TensorSource, parts: list[Piece], start: int, stop: int
) -> Array | None:
    """The window as a view of the source, where one contiguous piece covers it."""
    if len(parts) != 1 or parts[0].width != plan.matrix[1]:
        return None
    view = _rows_of(plan, source, parts[0], start, stop)
    return view if view.flags.c_contiguous and view.shape[0] == stop - start else None


def _rows_of(plan: TensorPlan, source: TensorSource, piece: Piece, first: int, last: int) -> Array:
    """Rows first to last of the tensor to write, as the piece's source holds them."""
    tensor = source.view(piece.ref)
    box, matrix = piece.box, tensor.matrix(piece.matrix)
    at, count = first - piece.row, last - first
    if piece.transposed:
        col = box.col + at
        values = matrix[box.row : box.row + box.rows, col : col + count].T
    else:
        row = box.row + at
        values = matrix[row : row + count, box.col : box.col + box.cols]
    return cast(values, tensor.dtype, plan.dtype)
