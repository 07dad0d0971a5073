"""A file to write: where each tensor will be in it, and what stands between them.

Covers: safetensors and torch files alike; runs of tensors that can be written side by side.
Does not cover: the formats; their writers lay files out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from mindspeed_rl_ext.checkpoint.copying.streaming import Sums
from mindspeed_rl_ext.checkpoint.mapping.plan import TensorPlan

_RUN_BYTES = 64 << 20


@dataclass(frozen=True)
class Item:
    """A tensor in a file.

    Args:
        plan: the tensor.
        at: offset of what stands before its values.
        before: the bytes in front of its values.
        behind: the bytes behind them, which may depend on their sums.
    """

    plan: TensorPlan
    at: int
    before: bytes = b""
    behind: Callable[[Sums], bytes] = lambda sums: b""


@dataclass(frozen=True)
class FilePlan:
    """A file.

    Args:
        head: its first bytes.
        items: its tensors, each where the one before it ends.
        tail_at: offset of the last bytes, behind the last tensor.
        tail: these bytes, by the sums of all tensors.
    """

    head: bytes
    items: tuple[Item, ...]
    tail_at: int
    tail: Callable[[Sequence[Sums]], bytes] = lambda sums: b""

    def runs(self) -> list[range]:
        """Numbers of consecutive items that one thread writes.

        Much longer runs come first, so that no thread has one at the end; the others come in file
        order, so that the disk is written from front to back.
        """
        found: list[tuple[int, range]] = []
        first = size = 0
        for number, item in enumerate(self.items):
            size += item.plan.nbytes
            if size >= _RUN_BYTES or number == len(self.items) - 1:
                found.append((size, range(first, number + 1)))
                first, size = number + 1, 0
        found.sort(key=lambda pair: -(pair[0] // (2 * _RUN_BYTES)))
        return [run for _, run in found] or [range(0)]
