"""Rules of latent attention whose upward projections are taken apart (--mla-mm-split).

Covers: the first or second part of each head's rows, gathered over a rank's heads.
Does not cover: the projections as HuggingFace has them; `rows` serves them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from mindspeed_rl_ext.checkpoint.dtypes import Array
from mindspeed_rl_ext.checkpoint.mapping.rules.basic import Copy, Pairs, Shard, Split, part_of, rule
from mindspeed_rl_ext.checkpoint.tensors import Box, Shape, matrix_shape

# Start and width of a part within a head.
_Part = Callable[[Split], tuple[int, int]]


def _query_nope(split: Split) -> tuple[int, int]:
    return 0, split.head_parts[0]


def _query_rope(split: Split) -> tuple[int, int]:
    return split.head_parts[0], split.head_parts[1]


def _value(split: Split) -> tuple[int, int]:
    return split.head_parts[0], split.head_parts[2]


def _boxes(shapes: Sequence[Shape], split: Split, part: _Part) -> Shard:
    height, width = matrix_shape(shapes[0])
    start, size = part(split)
    each, count = height // split.heads, part_of(split.heads, split.tp)
    heads = range(split.tp_rank * count, (split.tp_rank + 1) * count)
    copies = tuple(
        Copy(0, Box(head * each + start, size, 0, width), row=number * size)
        for number, head in enumerate(heads)
    )
    return Shard((count * size, *shapes[0][1:]), copies)


def _apart(shard: Array, hf: Sequence[Array], split: Split, part: _Part) -> Pairs:
    start, size = part(split)
    by_head = hf[0].reshape(split.tp, split.heads // split.tp, -1, *hf[0].shape[1:])
    mine = by_head[split.tp_rank, :, start : start + size]
    yield 0, mine, shard.reshape(mine.shape)


@rule(lambda shard, hf, split: _apart(shard, hf, split, _query_nope))
def heads_nope(shapes: Sequence[Shape], split: Split) -> Shard:
    """The rows of each head that are not rotated."""
    return _boxes(shapes, split, _query_nope)


@rule(lambda shard, hf, split: _apart(shard, hf, split, _query_rope))
def heads_rope(shapes: Sequence[Shape], split: Split) -> Shard:
    """The rows of each head that are rotated."""
    return _boxes(shapes, split, _query_rope)


@rule(lambda shard, hf, split: _apart(shard, hf, split, _value))
def heads_value(shapes: Sequence[Shape], split: Split) -> Shard:
    """The rows of each head that make the value."""
    return _boxes(shapes, split, _value)
