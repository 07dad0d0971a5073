"""Chunks seen as the tensors that they are chunks of, for verifying.

A tensor is put together by the offsets of its chunks alone; what it is made of is not looked at, so
that the inverse of its rule can take it apart.

Covers: one tensor at a time, dropped when released; each full set of copies is a tensor of its own.
Does not cover: constant memory: the largest tensor is held.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from math import prod

import numpy as np

from mindspeed_rl_ext.checkpoint.mapping.chunks import Join, Placed
from mindspeed_rl_ext.checkpoint.mapping.expected import Part, Slot
from mindspeed_rl_ext.checkpoint.tensors import Box, Ref, TensorSource, TensorView


class Joined:
    """The slots of a model, out of chunks.

    Args:
        source: the chunks.
        joins: where chunks and slots meet.

    Attributes:
        parts: the slots; a part for each set of copies.
    """

    def __init__(self, source: TensorSource, joins: Sequence[Join]) -> None:
        self._source = source
        self._held: dict[Ref, tuple[Placed, list[Join]]] = {}
        met: Counter[tuple[str, tuple[int, ...], Box]] = Counter()
        sets: dict[str, list[Slot]] = {}
        for join in joins:
            item = join.item
            key = (item.tensor, item.index, join.area)
            ref = Ref(f"copy {met[key]}" if met[key] else "", "", item.slot.name)
            met[key] += 1
            if ref not in self._held:
                self._held[ref] = (item, [])
                sets.setdefault(ref.shard, []).append(item.slot)
            self._held[ref][1].append(join)
        self.parts = [Part(shard, "", tuple(slots)) for shard, slots in sets.items()]

    def nbytes(self, ref: Ref) -> int:
        """Bytes of a tensor, without putting it together."""
        item, joins = self._held[ref]
        return prod(item.slot.shape) * self._source.view(joins[0].box.ref).dtype.itemsize

    def view(self, ref: Ref) -> TensorView:
        """The tensor of that name."""
        item, joins = self._held[ref]
        dtype = self._source.view(joins[0].box.ref).dtype
        whole = np.zeros(item.matrix, dtype.carrier)
        for join in joins:
            area = join.area
            chunk = self._source.view(join.box.ref)
            rows = chunk.array.reshape(-1, area.cols)[join.row : join.row + area.rows]
            whole[area.row : area.row + area.rows, area.col : area.col + area.cols] = rows
            self._source.release(join.box.ref)
        return TensorView(dtype, whole.reshape(item.slot.shape))

    def prefetch(self, ref: Ref) -> None:
        """Nothing: the tensor is not there before it is asked for."""

    def release(self, ref: Ref) -> None:
        """Nothing: the tensor is dropped with its view."""
