"""What a checkpoint contains, and where two of one format differ.

Covers: format, layout, sizes, tensors; missing, extra and differing tensors with the largest
difference.
Does not cover: checkpoints of different formats; `verify` compares those.
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from mindspeed_rl_ext.checkpoint.copying.compare import same_values
from mindspeed_rl_ext.checkpoint.dtypes import Array, by_name, cast
from mindspeed_rl_ext.checkpoint.formats import recognise
from mindspeed_rl_ext.checkpoint.formats.protocol import CheckpointReader, TensorInfo
from mindspeed_rl_ext.checkpoint.tensors import Ref, TensorView
from mindspeed_rl_ext.core.errors import InputError

_WINDOW_ROWS_BYTES = 8 << 20


def describe(folder: Path) -> dict[str, Any]:
    """A checkpoint's format, layout, args and tensors.

    Args:
        folder: a checkpoint of any format.

    Raises:
        InputError: it cannot be read.
    """
    made = recognise(folder)
    source = made.open(folder)
    tensors = [_row(info) for info in source.tensors()]
    found: dict[str, Any] = {
        "path": str(folder),
        "kind": made.name,
        "tensors": tensors,
        "bytes": sum(row["bytes"] for row in tensors),
    }
    if source.args:
        found["iteration_dir"] = source.folder.name
        found["layout"] = asdict(source.layout)
        found["args"] = {name: _plain(value) for name, value in sorted(source.args.items())}
    return found


def _row(info: TensorInfo) -> dict[str, Any]:
    return {
        "part": "/".join(part for part in info.ref[:2] if part),
        "name": info.ref.name,
        "shape": list(info.shape),
        "dtype": info.dtype.name,
        "bytes": info.nbytes,
        **({"of": info.of, "offset": list(info.offset)} if info.of else {}),
    }


def _plain(value: Any) -> Any:
    if isinstance(value, (bool, int, float, str, type(None))):
        return value
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return str(value)


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
    ours, theirs = (dict.fromkeys(info.ref for info in side.tensors()) for side in (one, two))
    rows = [_found(ref, f"only in {first}") for ref in ours if ref not in theirs]
    rows += [_found(ref, f"only in {second}") for ref in theirs if ref not in ours]
    found = (_difference(one, two, ref) for ref in ours if ref in theirs)
    return [*rows, *(row for row in found if row)]


def _found(ref: Ref, what: str, **more: Any) -> dict[str, Any]:
    return {"name": str(ref), "what": what, **more}


def _difference(one: CheckpointReader, two: CheckpointReader, ref: Ref) -> dict[str, Any] | None:
    left, right = one.view(ref), two.view(ref)
    if left.shape != right.shape:
        return _found(ref, f"shape {list(left.shape)} and {list(right.shape)}")
    if left.dtype != right.dtype:
        return _found(ref, f"{left.dtype.name} and {right.dtype.name}")
    if same_values(left.array, right.array, left.dtype, right.dtype):
        return None
    largest, count = 0.0, 0
    a_matrix, b_matrix = left.matrix(), right.matrix()
    step = max(1, _WINDOW_ROWS_BYTES // max(1, a_matrix.shape[1] * left.dtype.itemsize))
    for at in range(0, a_matrix.shape[0], step):
        a, b = (_numbers(m[at : at + step], left) for m in (a_matrix, b_matrix))
        with np.errstate(invalid="ignore", over="ignore"):  # NaN and infinity are values here
            gap = np.abs(a - b)
        largest = max(largest, float(np.nanmax(gap, initial=0.0)))
        count += int(np.count_nonzero(~((a == b) | (np.isnan(a) & np.isnan(b)))))
    return _found(ref, "values", max_abs_diff=largest, differing=count)


def _numbers(values: Array, view: TensorView) -> Array:
    """Values as numbers that can be subtracted."""
    if view.dtype.name == "bfloat16":
        return cast(values, view.dtype, by_name("float32"))
    return values.astype("<f8")
