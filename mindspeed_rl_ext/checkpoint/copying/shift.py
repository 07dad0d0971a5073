"""Tensors that one format keeps with something added to each value: norms less one.

Covers: adding it, rounded once to a number format; comparing two checkpoints that both keep it.
Does not cover: which tensors; rules say (`Copy.shift`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from mindspeed_rl_ext.checkpoint.dtypes import Array, DType, by_name, cast
from mindspeed_rl_ext.checkpoint.mapping.expected import Part, Slot
from mindspeed_rl_ext.checkpoint.tensors import TensorView

WIDE = by_name("float32")


def add(wide: Array, shift: float, dtype: DType) -> Array:
    """float32 values with something added, in a format."""
    return cast(wide + np.float32(shift), WIDE, dtype)


def shifted(values: TensorView, shift: float, dtype: DType) -> TensorView:
    """A tensor with something added to each value, in a format."""
    return TensorView(dtype, add(cast(values.array, values.dtype, WIDE), shift, dtype))


def without_common_shift(
    first: Sequence[Part], second: Sequence[Part]
) -> tuple[Sequence[Part], Sequence[Part]]:
    """The parts of two checkpoints; where both are shifted, as if neither was.

    What both keep shifted is compared as it is: it would be rounded twice on a way over
    HuggingFace's values.
    """
    if not (_has_shift(first) and _has_shift(second)):
        return first, second
    return _plain(first), _plain(second)


def _has_shift(parts: Sequence[Part]) -> bool:
    return any(copy.shift for part in parts for slot in part.slots for copy in slot.copies)


def _plain(parts: Sequence[Part]) -> list[Part]:
    def plain(slot: Slot) -> Slot:
        return replace(slot, copies=tuple(replace(copy, shift=0.0) for copy in slot.copies))

    return [replace(part, slots=[plain(slot) for slot in part.slots]) for part in parts]
