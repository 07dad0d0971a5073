"""Rules of the two buffers that hold all experts of a rank under `--moe-grouped-gemm`.

Covers: both buffers as Megatron's local implementation saves them: memory, expert after expert,
under a shape that only counts.
Does not cover: experts with a tensor each; the rules of a dense MLP serve them.
"""

from __future__ import annotations

from collections.abc import Sequence

from mindspeed_rl_ext.checkpoint.dtypes import Array
from mindspeed_rl_ext.checkpoint.mapping.rules.basic import Copy, Pairs, Shard, Split, part_of, rule
from mindspeed_rl_ext.checkpoint.tensors import Box, Shape


def _grouped_gate_up_apart(shard: Array, hf: Sequence[Array], split: Split) -> Pairs:
    hidden, experts = shard.shape[0], len(hf) // 2
    buffers = shard.reshape(-1).reshape(experts, hidden, 2, -1)
    for number, whole in enumerate(hf):
        mine = whole.reshape(split.tp, -1, hidden)[split.tp_rank]
        yield number, mine, buffers[number // 2, :, number % 2].T


@rule(_grouped_gate_up_apart)
def grouped_gate_up(shapes: Sequence[Shape], split: Split) -> Shard:
    """The first buffer of grouped experts, expert after expert.

    Each expert is a matrix [hidden, 2 * F / T]: its part of gate beside its part of up, both
    transposed. The shape that it is saved under, [hidden, experts * 2 * F / T], only counts.

    Args:
        shapes: gate [F, hidden] and up of the first expert, of the second, ...
        split: with tp and tp_rank.
    """
    height, width = shapes[0]
    part, count = part_of(height, split.tp), len(shapes) // 2
    copies = tuple(
        Copy(
            2 * expert + half,
            Box(split.tp_rank * part, part, 0, width),
            row=expert * width,
            col=half * part,
            transposed=True,
        )
        for expert in range(count)
        for half in (0, 1)
    )
    return Shard((width, count * 2 * part), copies, (count * width, 2 * part))


def _grouped_down_apart(shard: Array, hf: Sequence[Array], split: Split) -> Pairs:
    hidden = shard.shape[1]
    buffers = shard.reshape(len(hf), -1, hidden)
    for number, whole in enumerate(hf):
        yield number, whole.reshape(hidden, split.tp, -1)[:, split.tp_rank], buffers[number].T


@rule(_grouped_down_apart)
def grouped_down(shapes: Sequence[Shape], split: Split) -> Shard:
    """The second buffer: each expert's part of down, transposed to [F / T, hidden], in a column.

    Args:
        shapes: down [hidden, F] of each expert.
        split: with tp and tp_rank.
    """
    height, width = shapes[0]
    part = part_of(width, split.tp)
    copies = tuple(
        Copy(
            expert,
            Box(0, height, split.tp_rank * part, part),
            row=expert * part,
            transposed=True,
        )
        for expert in range(len(shapes))
    )
    return Shard((len(shapes) * part, height), copies)
