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
from mindspeed_rl_ext.checkpoint.tensors import TensorSource, matrix_shape

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
        Views that are valid until the next one is asked for.
    """
    height, width = matrix_shape(plan.shape)
    step = max(1, window_bytes // max(1, width * plan.dtype.itemsize))
    buffer = np.empty((min(step, height), width), plan.dtype.carrier)
    for start in range(0, height, step):
        stop = min(start + step, height)
        parts = [p for p in plan.pieces if p.row < stop and p.row + p.box.rows > start]
        whole = _whole_window(plan, source, parts, start, stop)
        if whole is None:
            whole = buffer[: stop - start]
            for piece in parts:
                first, last = max(start, piece.row), min(stop, piece.row + piece.box.rows)
                target = whole[first - start : last - start, piece.col : piece.col + piece.box.cols]
                target[...] = _rows_of(plan, source, piece, first, last)
        yield whole.reshape(-1).view(np.uint8).data


def _whole_window(
    plan: TensorPlan, source: TensorSource, parts: list[Piece], start: int, stop: int
) -> Array | None:
    """The window as a view of the source, where one contiguous piece covers it."""
    if len(parts) != 1 or parts[0].box.cols != matrix_shape(plan.shape)[1]:
        return None
    piece = parts[0]
    view = _rows_of(plan, source, piece, start, stop)
    return view if view.flags.c_contiguous and view.shape[0] == stop - start else None


def _rows_of(plan: TensorPlan, source: TensorSource, piece: Piece, first: int, last: int) -> Array:
    """Rows first to last of the tensor to write, as the piece's source holds them."""
    tensor = source.view(piece.ref)
    box = piece.box
    row = box.row + first - piece.row
    values = tensor.matrix()[row : row + last - first, box.col : box.col + box.cols]
    return cast(values, tensor.dtype, plan.dtype)
