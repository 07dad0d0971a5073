"""Rules: which box of which HuggingFace tensor lies where in a rank's Megatron-core tensor.

Covers: replicate, rows, columns, vocab_rows, qkv, gate_up, stack, and the two buffers of grouped
experts. A rule is a pure function of shapes, so the same boxes read forwards make shards of a
model, backwards the model of its shards, and one after the other another layout.
Does not cover: copying; `assemble` does.

Example:
    >>> shard = rows([(4, 3)], Split(tp=2, tp_rank=1))
    >>> shard.shape, shard.copies[0].box
    ((2, 3), Box(row=2, rows=2, col=0, cols=3))
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from mindspeed_rl_ext.checkpoint.tensors import Box, Shape, matrix_shape
from mindspeed_rl_ext.core.errors import InputError


@dataclass(frozen=True)
class Split:
    """What a rule needs to know beside shapes.

    Args:
        tp: tensor-parallel size.
        tp_rank: the rank whose part is asked for.
        heads: query heads.
        groups: key-value heads.
        head_dim: width of a head.
        padded_vocab: rows of the padded embedding over all ranks.
    """

    tp: int
    tp_rank: int
    heads: int = 0
    groups: int = 0
    head_dim: int = 0
    padded_vocab: int = 0


@dataclass(frozen=True)
class Copy:
    """One box that travels.

    Args:
        source: which of the rule's HuggingFace tensors.
        box: where it lies there.
        row: its first row in the rank's tensor.
        col: its first column in the rank's tensor.
        padding: it only fills; nothing of it is a weight.
        transposed: rows there are columns here.
    """

    source: int
    box: Box
    row: int = 0
    col: int = 0
    padding: bool = False
    transposed: bool = False


@dataclass(frozen=True)
class Shard:
    """A rank's tensor.

    Args:
        shape: its shape.
        copies: the boxes that tile it.
        matrix: rows and columns that the copies count, where it is not the shape that says.
    """

    shape: Shape
    copies: tuple[Copy, ...]
    matrix: tuple[int, int] | None = None


Rule = Callable[[Sequence[Shape], Split], Shard]


def replicate(shapes: Sequence[Shape], split: Split) -> Shard:
    """Every rank holds the whole tensor."""
    height, width = matrix_shape(shapes[0])
    return Shard(shapes[0], (Copy(0, Box(0, height, 0, width)),))


def rows(shapes: Sequence[Shape], split: Split) -> Shard:
    """Rank t holds the t-th part of the rows."""
    height, width = matrix_shape(shapes[0])
    part = _part(height, split.tp)
    return Shard((part, *shapes[0][1:]), (Copy(0, Box(split.tp_rank * part, part, 0, width)),))


def columns(shapes: Sequence[Shape], split: Split) -> Shard:
    """Rank t holds the t-th part of the columns."""
    height, width = shapes[0]
    part = _part(width, split.tp)
    return Shard((height, part), (Copy(0, Box(0, height, split.tp_rank * part, part)),))


def gate_up(shapes: Sequence[Shape], split: Split) -> Shard:
    """Rank t holds its part of gate above its part of up, not a slice of the two stacked."""
    gate, up = (rows([shape], split) for shape in shapes)
    part = gate.shape[0]
    return Shard(
        (2 * part, *gate.shape[1:]),
        (gate.copies[0], Copy(1, up.copies[0].box, row=part)),
    )


def qkv(shapes: Sequence[Shape], split: Split) -> Shard:
    """Rank t holds groups t*g/T to (t+1)*g/T: each is its query heads, its key, its value.

    Args:
        shapes: of q [heads * head_dim, ...], k and v [groups * head_dim, ...].
        split: with heads, groups and head_dim.

    Returns:
        Shard of [(heads + 2 * groups) * head_dim / T, ...].
    """
    width = matrix_shape(shapes[0])[1]
    count = _part(split.groups, split.tp)
    query, single = split.heads // split.groups * split.head_dim, split.head_dim
    copies = []
    at = 0
    for group in range(split.tp_rank * count, (split.tp_rank + 1) * count):
        for source, height in ((0, query), (1, single), (2, single)):
            copies.append(Copy(source, Box(group * height, height, 0, width), row=at))
            at += height
    return Shard((at, *shapes[0][1:]), tuple(copies))


def vocab_rows(shapes: Sequence[Shape], split: Split) -> Shard:
    """Rank t holds its part of the rows after padding; padding repeats the last row."""
    height, width = matrix_shape(shapes[0])
    part = _part(split.padded_vocab, split.tp)
    start = split.tp_rank * part
    real = max(0, min(height - start, part))
    copies = [Copy(0, Box(start, real, 0, width))] if real else []
    copies += [
        Copy(0, Box(height - 1, 1, 0, width), row=row, padding=True) for row in range(real, part)
    ]
    return Shard((part, *shapes[0][1:]), tuple(copies))


def stack(shapes: Sequence[Shape], split: Split) -> Shard:
    """Every rank holds all of them, one above the other."""
    copies, at = [], 0
    for source, shape in enumerate(shapes):
        height, width = matrix_shape(shape)
        copies.append(Copy(source, Box(0, height, 0, width), row=at))
        at += height
    return Shard((at, *shapes[0][1:]), tuple(copies))


def grouped_gate_up(shapes: Sequence[Shape], split: Split) -> Shard:
    """The first buffer of grouped experts, expert after expert.

    Each expert is a matrix [hidden, 2 * F / T]: its part of gate beside its part of up, both
    transposed. The shape that it is saved under, [hidden, experts * 2 * F / T], only counts.

    Args:
        shapes: gate [F, hidden] and up of the first expert, of the second, ...
        split: with tp and tp_rank.
    """
    height, width = shapes[0]
    part, count = _part(height, split.tp), len(shapes) // 2
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


def grouped_down(shapes: Sequence[Shape], split: Split) -> Shard:
    """The second buffer: each expert's part of down, transposed to [F / T, hidden], in a column.

    Args:
        shapes: down [hidden, F] of each expert.
        split: with tp and tp_rank.
    """
    height, width = shapes[0]
    part = _part(width, split.tp)
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


def _part(size: int, tp: int) -> int:
    if size % tp:
        raise InputError(
            f"{size} does not divide into {tp} tensor-parallel ranks",
            found=f"{size} % {tp} = {size % tp}",
            remedy="another --target-tensor-parallel-size",
        )
    return size // tp


RULES: Mapping[str, Rule] = {
    "replicate": replicate,
    "rows": rows,
    "columns": columns,
    "gate_up": gate_up,
    "qkv": qkv,
    "vocab_rows": vocab_rows,
    "stack": stack,
    "grouped_gate_up": grouped_gate_up,
    "grouped_down": grouped_down,
}
