"""Where two checkpoints of one format differ.

Covers: missing, extra and differing tensors with the largest difference; tensors that the two store
in different chunks, box by box.
Does not cover: checkpoints of different formats; `verify` compares those.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mindspeed_rl_ext.checkpoint.copying.compare import same_values
from mindspeed_rl_ext.checkpoint.dtypes import Array, by_name, cast
from mindspeed_rl_ext.checkpoint.formats import recognise
from mindspeed_rl_ext.checkpoint.formats.protocol import CheckpointReader, TensorInfo
from mindspeed_rl_ext.checkpoint.tensors import Ref, Shape, TensorView
from mindspeed_rl_ext.core.errors import InputError

_WINDOW_ROWS_BYTES = 8 << 20


@dataclass(frozen=True)
class _Box:
    """A stored box of a tensor; a tensor that is no chunk is a box of itself."""

    ref: Ref
    offset: Shape
    shape: Shape


@dataclass(frozen=True)
class _Tensor:
    """A tensor of one side: its shape, and the boxes that it is stored in, by their offsets."""

    shape: Shape
    boxes: Sequence[_Box]


def differences(first: Path, second: Path) -> list[dict[str, Any]]:
    """Where two checkpoints of one format differ: a row for each tensor that does.

    Args:
        first: a checkpoint.
        second: another of the same format.

    Returns:
        Rows with `name` and `what`; for values also `max_abs_diff` and `differing`.

    Raises:
        InputError: their formats differ, or one cannot be read.
    """
    made, other = recognise(first), recognise(second)
    if made is not other:
        raise InputError(
            "the two checkpoints have different formats",
            found=f"{first} and {second}",
            remedy="msrl-ext verify compares checkpoints of different formats",
        )
    one, two = made.open(first), made.open(second)
    ours, theirs = (_tensors(side.tensors()) for side in (one, two))
    rows = [_row(name, f"only in {first}") for name in ours if name not in theirs]
    rows += [_row(name, f"only in {second}") for name in theirs if name not in ours]
    both = (name for name in ours if name in theirs)
    found = (_difference(name, (one, ours[name]), (two, theirs[name])) for name in both)
    return [*rows, *(row for row in found if row)]


def _tensors(infos: Sequence[TensorInfo]) -> dict[str, _Tensor]:
    boxes: dict[str, list[_Box]] = {}
    shapes: dict[str, Shape] = {}
    for info in infos:
        is_chunk = bool(info.whole_shape)
        name = info.of if is_chunk else str(info.ref)
        offset = info.offset if is_chunk else tuple(0 for _ in info.shape)
        boxes.setdefault(name, []).append(_Box(info.ref, offset, info.shape))
        shapes[name] = info.whole_shape if is_chunk else info.shape
    return {
        name: _Tensor(shapes[name], sorted(mine, key=lambda box: box.offset))
        for name, mine in boxes.items()
    }


def _row(name: str, what: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "what": what, **more}


def _difference(
    name: str, first: tuple[CheckpointReader, _Tensor], second: tuple[CheckpointReader, _Tensor]
) -> dict[str, Any] | None:
    (one, ours), (two, theirs) = first, second
    if ours.shape != theirs.shape:
        return _row(name, f"shape {list(ours.shape)} and {list(theirs.shape)}")
    largest, count = 0.0, 0
    for left, right, where in _common(ours.boxes, theirs.boxes):
        a, b = one.view(left), two.view(right)
        if a.dtype != b.dtype:
            return _row(name, f"{a.dtype.name} and {b.dtype.name}")
        views = TensorView(a.dtype, a.array[where[0]]), TensorView(b.dtype, b.array[where[1]])
        if not same_values(views[0].array, views[1].array, a.dtype, b.dtype):
            most, number = _gap(*views)
            largest, count = max(largest, most), count + number
        one.release(left)
        two.release(right)
    return _row(name, "values", max_abs_diff=largest, differing=count) if count else None


_Slices = tuple[slice, ...]


def _common(
    ours: Sequence[_Box], theirs: Sequence[_Box]
) -> Iterator[tuple[Ref, Ref, tuple[_Slices, _Slices]]]:
    """Pairs of boxes that overlap, and where in each the common part is."""
    starts = [box.offset[:1] for box in theirs]
    longest = max((box.shape[:1] for box in theirs), default=())
    for left in ours:
        low, high = 0, len(theirs)
        if left.shape:
            low = bisect_left(starts, (left.offset[0] - longest[0] + 1,))
            high = bisect_left(starts, (left.offset[0] + left.shape[0],))
        for right in theirs[low:high]:
            spans = [
                (max(a, b), min(a + n, b + m))
                for a, n, b, m in zip(
                    left.offset, left.shape, right.offset, right.shape, strict=True
                )
            ]
            if all(first < last for first, last in spans):
                where = _inside(left, spans), _inside(right, spans)
                yield left.ref, right.ref, where


def _inside(box: _Box, spans: Sequence[tuple[int, int]]) -> _Slices:
    pairs = zip(box.offset, spans, strict=True)
    return tuple(slice(first - at, last - at) for at, (first, last) in pairs)


def _gap(left: TensorView, right: TensorView) -> tuple[float, int]:
    """The largest difference, and how many values differ."""
    largest, count = 0.0, 0
    a_matrix, b_matrix = left.matrix(), right.matrix()
    step = max(1, _WINDOW_ROWS_BYTES // max(1, a_matrix.shape[1] * left.dtype.itemsize))
    for at in range(0, a_matrix.shape[0], step):
        a, b = (_numbers(m[at : at + step], left) for m in (a_matrix, b_matrix))
        with np.errstate(invalid="ignore", over="ignore"):  # NaN and infinity are values here
            gap = np.abs(a - b)
        largest = max(largest, float(np.nanmax(gap, initial=0.0)))
        count += int(np.count_nonzero(~((a == b) | (np.isnan(a) & np.isnan(b)))))
    return largest, count


def _numbers(values: Array, view: TensorView) -> Array:
    """Values as numbers that can be subtracted."""
    if view.dtype.name == "bfloat16":
        return cast(values, view.dtype, by_name("float32"))
    return values.astype("<f8")
