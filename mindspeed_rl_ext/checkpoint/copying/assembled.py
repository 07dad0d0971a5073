"""A sharded checkpoint seen as the HuggingFace model that it holds.

Covers: one whole tensor at a time, put together when asked for, dropped when released.
Does not cover: constant memory: verifying grouped experts holds a layer's experts of one rank.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mindspeed_rl_ext.checkpoint.copying.assemble import windows
from mindspeed_rl_ext.checkpoint.mapping.expected import Part
from mindspeed_rl_ext.checkpoint.mapping.plan import Planner, held_boxes
from mindspeed_rl_ext.checkpoint.tensors import Ref, TensorSource, TensorView


class Assembled:
    """The tensors of a HuggingFace model, out of the shards of a checkpoint.

    Args:
        source: the shards.
        parts: what the shards hold.
        model: what the model holds.
    """

    def __init__(self, source: TensorSource, parts: Sequence[Part], model: Part) -> None:
        self._source = source
        boxes, _ = held_boxes(parts)
        refs = {held.ref for many in boxes.values() for held in many}
        planner = Planner(boxes, {ref: source.view(ref).written for ref in refs})
        self._plans = {plan.ref: plan for plan in planner.plan(model)}
        self._whole: dict[Ref, TensorView] = {}

    def nbytes(self, ref: Ref) -> int:
        """Bytes of a tensor, without putting it together."""
        return self._plans[ref].nbytes

    def view(self, ref: Ref) -> TensorView:
        """The tensor of that name."""
        if ref not in self._whole:
            plan = self._plans[ref]
            data = bytearray()
            for window in windows(plan, self._source):
                data += window.data
            array = np.frombuffer(data, plan.dtype.carrier).reshape(plan.shape)
            self._whole[ref] = TensorView(plan.dtype, array)
        return self._whole[ref]

    def prefetch(self, ref: Ref) -> None:
        """Nothing: the tensor is not there before it is asked for."""

    def release(self, ref: Ref) -> None:
        """Drops the tensor."""
        self._whole.pop(ref, None)
