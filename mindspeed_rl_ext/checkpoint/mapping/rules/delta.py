"""Rules of gated attention and of a gated delta net (linear attention) as Megatron core keeps them.

Covers: query and gate of each head taken apart in the fused tensor of query, key and value; the one
input projection; its convolution; the norm whose weights core keeps less one.
Does not cover: the hosts' names of Qwen3-Next, which keep HuggingFace's tensors whole.
"""

from __future__ import annotations

from collections.abc import Sequence

from mindspeed_rl_ext.checkpoint.dtypes import Array
from mindspeed_rl_ext.checkpoint.mapping.rules.basic import Copy, Pairs, Shard, Split, part_of, rule
from mindspeed_rl_ext.checkpoint.tensors import Box, Shape, matrix_shape

# The number of a HuggingFace tensor, and the first row and the rows of a section in it.
_Section = tuple[int, int, int]


def _gated_qkv_apart(shard: Array, hf: Sequence[Array], split: Split) -> Pairs:
    rest, groups, width = shard.shape[1:], split.groups, split.head_dim
    local, heads = groups // split.tp, split.heads // groups
    mine = slice(split.tp_rank * local, (split.tp_rank + 1) * local)
    by_group = shard.reshape(local, 2 * heads + 2, width, *rest)
    query = hf[0].reshape(groups, heads, 2, width, *rest)[mine]
    yield 0, query[:, :, 0], by_group[:, :heads]
    yield 0, query[:, :, 1], by_group[:, heads:-2]
    yield 1, hf[1].reshape(groups, width, *rest)[mine], by_group[:, -2]
    yield 2, hf[2].reshape(groups, width, *rest)[mine], by_group[:, -1]


@rule(_gated_qkv_apart)
def gated_qkv(shapes: Sequence[Shape], split: Split) -> Shard:
    """As `qkv`, where each query head has a gate behind it: core has a group's gates together.

    Args:
        shapes: of q [heads * 2 * head_dim, ...], k and v [groups * head_dim, ...].
        split: with heads, groups and head_dim.
    """
    width, each = matrix_shape(shapes[0])[1], split.head_dim
    count, heads = part_of(split.groups, split.tp), split.heads // split.groups
    copies: list[Copy] = []
    for group in range(split.tp_rank * count, (split.tp_rank + 1) * count):
        first = group * heads
        query = [(0, 2 * head * each) for head in range(first, first + heads)]
        gates = [(0, start + each) for _, start in query]
        for source, start in (*query, *gates, (1, group * each), (2, group * each)):
            copies.append(Copy(source, Box(start, each, 0, width), row=len(copies) * each))
    return Shard((len(copies) * each, *shapes[0][1:]), tuple(copies))


def _convolved(split: Split) -> list[_Section]:
    """Query, key and value in a tensor of the three."""
    key, value = split.delta
    return [(0, 0, key), (0, key, key), (0, 2 * key, value)]


def _projected(shapes: Sequence[Shape], split: Split) -> list[_Section]:
    return [*_convolved(split), *((n, 0, shapes[n][0]) for n in (1, 2, 3))]


def _sections(shapes: Sequence[Shape], sections: Sequence[_Section], split: Split) -> Shard:
    """A rank's part of each section, one above the other."""
    width, copies, at = matrix_shape(shapes[0])[1], [], 0
    for source, start, size in sections:
        part = part_of(size, split.tp)
        copies.append(Copy(source, Box(start + split.tp_rank * part, part, 0, width), row=at))
        at += part
    return Shard((at, *shapes[0][1:]), tuple(copies))


def _apart(shard: Array, hf: Sequence[Array], sections: Sequence[_Section], split: Split) -> Pairs:
    at = 0
    for source, start, size in sections:
        whole = hf[source][start : start + size]
        mine = whole.reshape(split.tp, -1, *whole.shape[1:])[split.tp_rank]
        yield source, mine, shard[at : at + mine.shape[0]]
        at += mine.shape[0]


def _in_proj_apart(shard: Array, hf: Sequence[Array], split: Split) -> Pairs:
    return _apart(shard, hf, _projected([array.shape for array in hf], split), split)


@rule(_in_proj_apart)
def delta_in_proj(shapes: Sequence[Shape], split: Split) -> Shard:
    """Each rank's query, key, value, gate (z), beta (b), alpha (a), one above the other.

    Args:
        shapes: of the tensor of query, key and value, of z, b and a.
        split: with delta.
    """
    return _sections(shapes, _projected(shapes, split), split)


def _conv_apart(shard: Array, hf: Sequence[Array], split: Split) -> Pairs:
    return _apart(shard, hf, _convolved(split), split)


@rule(_conv_apart)
def delta_conv(shapes: Sequence[Shape], split: Split) -> Shard:
    """Each rank's channels of query, key and value."""
    return _sections(shapes, _convolved(split), split)


def _query(split: Split) -> slice:
    return slice(0, split.delta[0])


def _key(split: Split) -> slice:
    return slice(split.delta[0], 2 * split.delta[0])


def _value(split: Split) -> slice:
    return slice(2 * split.delta[0], None)


@rule(lambda shard, hf, split: iter([(0, hf[0][_query(split)], shard)]))
def delta_query(shapes: Sequence[Shape], split: Split) -> Shard:
    """The query's rows of a tensor of query, key and value, which distributed checkpoints have."""
    return _sections(shapes, _convolved(split)[:1], split)


@rule(lambda shard, hf, split: iter([(0, hf[0][_key(split)], shard)]))
def delta_key(shapes: Sequence[Shape], split: Split) -> Shard:
    """The key's rows of such a tensor."""
    return _sections(shapes, _convolved(split)[1:2], split)


@rule(lambda shard, hf, split: iter([(0, hf[0][_value(split)], shard)]))
def delta_value(shapes: Sequence[Shape], split: Split) -> Shard:
    """The value's rows of such a tensor."""
    return _sections(shapes, _convolved(split)[2:], split)


# What distributed checkpoints call the sections, in their order, and the rule of each.
SECTIONS = {
    "query": delta_query.__name__,
    "key": delta_key.__name__,
    "value": delta_value.__name__,
    "z": "replicate",
    "beta": "replicate",
    "alpha": "replicate",
}
SECTIONED = (delta_in_proj.__name__, delta_conv.__name__)


def _less_one_apart(shard: Array, hf: Sequence[Array], split: Split) -> Pairs:
    yield 0, hf[0], shard


@rule(_less_one_apart)
def less_one(shapes: Sequence[Shape], split: Split) -> Shard:
    """Every rank holds the tensor, one subtracted from each value."""
    height, width = matrix_shape(shapes[0])
    return Shard(shapes[0], (Copy(0, Box(0, height, 0, width), shift=-1.0),))
