"""Rules of tensors in which HuggingFace keeps all experts of a layer, on a leading axis.

Covers: an expert's matrices as they are or transposed; gate above up, and gate and up whose rows
alternate; biases the same way. The inverses take one expert without the leading axis as well.
Does not cover: TP; only whole models have such tensors.
"""

from __future__ import annotations

from collections.abc import Sequence

from mindspeed_rl_ext.checkpoint.dtypes import Array
from mindspeed_rl_ext.checkpoint.mapping.rules.basic import Copy, Pairs, Shard, Split, rule
from mindspeed_rl_ext.checkpoint.tensors import Box, Shape, matrix_shape


def _by_expert(shard: Array, hf: Sequence[Array]) -> Array:
    """The array with the leading axis, which an expert alone does not have."""
    return shard.reshape(-1, *shard.shape[-hf[0].ndim :])


def _rows_apart(shard: Array, hf: Sequence[Array], split: Split) -> Pairs:
    experts = _by_expert(shard, hf)
    for number, whole in enumerate(hf):
        yield number, whole, experts[number]


@rule(_rows_apart)
def experts_rows(shapes: Sequence[Shape], split: Split) -> Shard:
    """Each expert's matrix as it is: [experts, rows, columns]."""
    height, width = matrix_shape(shapes[0])
    box = Box(0, height, 0, width)
    copies = tuple(Copy(number, box, row=number * height) for number in range(len(shapes)))
    return Shard((len(shapes), *shapes[0]), copies, (len(shapes) * height, width))


def _columns_apart(shard: Array, hf: Sequence[Array], split: Split) -> Pairs:
    experts = _by_expert(shard, hf)
    for number, whole in enumerate(hf):
        yield number, whole, experts[number].T


@rule(_columns_apart)
def experts_columns(shapes: Sequence[Shape], split: Split) -> Shard:
    """Each expert's matrix transposed: [experts, columns, rows]."""
    height, width = matrix_shape(shapes[0])
    box, count = Box(0, height, 0, width), len(shapes)
    copies = tuple(Copy(n, box, row=n * width, transposed=True) for n in range(count))
    return Shard((count, *shapes[0][1:], height), copies, (count * width, height))


def _stacked_apart(shard: Array, hf: Sequence[Array], split: Split) -> Pairs:
    halves = shard.reshape(len(hf), *hf[0].shape)
    for number, whole in enumerate(hf):
        yield number, whole, halves[number]


@rule(_stacked_apart)
def experts_stacked(shapes: Sequence[Shape], split: Split) -> Shard:
    """Each expert's gate above its up: [experts, 2 * rows, columns].

    Args:
        shapes: gate of the first expert, its up, gate of the second, ...
        split: does not matter.
    """
    flat = experts_rows(shapes, split)
    shape = (len(shapes) // 2, 2 * shapes[0][0], *shapes[0][1:])
    return Shard(shape, flat.copies, flat.matrix)


def _alternating_rows_apart(shard: Array, hf: Sequence[Array], split: Split) -> Pairs:
    experts = _by_expert(shard, hf)
    for number, whole in enumerate(hf):
        yield number, whole, experts[number // 2, number % 2 :: 2]


@rule(_alternating_rows_apart)
def experts_alternating_rows(shapes: Sequence[Shape], split: Split) -> Shard:
    """A row of an expert's gate, one of its up, ...: [experts, 2 * rows, columns].

    Args:
        shapes: as of `experts_stacked`.
        split: does not matter.
    """
    height, width = matrix_shape(shapes[0])
    copies = tuple(
        Copy(n, Box(0, height, 0, width), row=n // 2 * 2 * height + n % 2, step=2)
        for n in range(len(shapes))
    )
    shape = (len(shapes) // 2, 2 * height, *shapes[0][1:])
    return Shard(shape, copies, (len(shapes) * height, width))


def _alternating_columns_apart(shard: Array, hf: Sequence[Array], split: Split) -> Pairs:
    experts = _by_expert(shard, hf)
    for number, whole in enumerate(hf):
        yield number, whole, experts[number // 2, ..., number % 2 :: 2].T


@rule(_alternating_columns_apart)
def experts_alternating_columns(shapes: Sequence[Shape], split: Split) -> Shard:
    """The same transposed, so that columns alternate: [experts, columns, 2 * rows].

    Args:
        shapes: as of `experts_stacked`.
        split: does not matter.
    """
    height, width = matrix_shape(shapes[0])
    copies = tuple(
        Copy(n, Box(0, height, 0, width), n // 2 * width, n % 2, transposed=True, step=2)
        for n in range(len(shapes))
    )
    count = len(shapes) // 2
    return Shard((count, *shapes[0][1:], 2 * height), copies, (count * width, 2 * height))
