"""Comparing tensors bit for bit without holding them.

Covers: boxes; whole arrays in windows; the halves of a Megatron tensor taken apart by reshaping,
which is another path than the rules' boxes.
Does not cover: deciding which tensors belong together; `verify` does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import numpy as np

from mindspeed_rl_ext.checkpoint.dtypes import Array, DType, cast
from mindspeed_rl_ext.checkpoint.mapping.plan import CopyPair, Held
from mindspeed_rl_ext.checkpoint.tensors import TensorSource

_WINDOW_ITEMS = 1 << 22


def same_values(first: Array, second: Array, first_dtype: DType, second_dtype: DType) -> bool:
    """Whether two arrays of one shape hold the same bits, the first cast to the second's format."""
    if first.shape != second.shape:
        return False
    if first.ndim == 0 or first.size <= _WINDOW_ITEMS or first.shape[0] == 1:
        left = cast(first, first_dtype, second_dtype)
        return bool(np.array_equal(_bits(left, second_dtype), _bits(second, second_dtype)))
    step = max(1, first.shape[0] * _WINDOW_ITEMS // first.size)
    return all(
        same_values(first[at : at + step], second[at : at + step], first_dtype, second_dtype)
        for at in range(0, first.shape[0], step)
    )


def _bits(values: Array, dtype: DType) -> Array:
    """Values as unsigned integers, so that NaN equals itself and -0 differs from 0."""
    return values.view(f"<u{dtype.itemsize}")


def equal_boxes(source: TensorSource, pair: CopyPair) -> bool:
    """Whether the two boxes of a pair hold the same bits."""
    (one, first_dtype), (two, second_dtype) = (
        _box(source, held) for held in (pair.first, pair.second)
    )
    return same_values(one, two, first_dtype, second_dtype)


def _box(source: TensorSource, held: Held) -> tuple[Array, DType]:
    tensor, box = source.view(held.ref), held.box
    values = tensor.matrix(held.matrix)
    return values[box.row : box.row + box.rows, box.col : box.col + box.cols], tensor.dtype


# (rank's tensor, HuggingFace tensors, T, t, groups) -> pairs that must be equal, with the number
# of the HuggingFace tensor.
Pairs = Iterator[tuple[int, Array, Array]]
PairMaker = Callable[[Array, list[Array], int, int, int], Pairs]


def _whole(shard: Array, hf: list[Array], tp: int, rank: int, groups: int) -> Pairs:
    yield 0, hf[0], shard


def _vocab(shard: Array, hf: list[Array], tp: int, rank: int, groups: int) -> Pairs:
    here = hf[0][rank * shard.shape[0] : (rank + 1) * shard.shape[0]]
    yield 0, here, shard[: here.shape[0]]


def _rows(shard: Array, hf: list[Array], tp: int, rank: int, groups: int) -> Pairs:
    yield 0, hf[0].reshape(tp, *shard.shape)[rank], shard


def _columns(shard: Array, hf: list[Array], tp: int, rank: int, groups: int) -> Pairs:
    yield 0, hf[0].reshape(shard.shape[0], tp, shard.shape[1])[:, rank], shard


def _gate_up(shard: Array, hf: list[Array], tp: int, rank: int, groups: int) -> Pairs:
    halves = shard.reshape(2, shard.shape[0] // 2, *shard.shape[1:])
    for number in (0, 1):
        yield number, hf[number].reshape(tp, *halves.shape[1:])[rank], halves[number]


def _qkv(shard: Array, hf: list[Array], tp: int, rank: int, groups: int) -> Pairs:
    rest = shard.shape[1:]
    head_dim = hf[1].shape[0] // groups
    local = groups // tp
    grouped = shard.reshape(local, -1, head_dim, *rest)
    mine = slice(rank * local, (rank + 1) * local)
    yield 0, hf[0].reshape(groups, -1, head_dim, *rest)[mine], grouped[:, :-2]
    yield 1, hf[1].reshape(groups, head_dim, *rest)[mine], grouped[:, -2]
    yield 2, hf[2].reshape(groups, head_dim, *rest)[mine], grouped[:, -1]


def _stack(shard: Array, hf: list[Array], tp: int, rank: int, groups: int) -> Pairs:
    at = 0
    for number, whole in enumerate(hf):
        yield number, whole, shard[at : at + whole.shape[0]]
        at += whole.shape[0]


def _grouped_gate_up(shard: Array, hf: list[Array], tp: int, rank: int, groups: int) -> Pairs:
    hidden, experts = shard.shape[0], len(hf) // 2
    buffers = shard.reshape(-1).reshape(experts, hidden, 2, -1)
    for number, whole in enumerate(hf):
        mine = whole.reshape(tp, -1, hidden)[rank]
        yield number, mine, buffers[number // 2, :, number % 2].T


def _grouped_down(shard: Array, hf: list[Array], tp: int, rank: int, groups: int) -> Pairs:
    hidden = shard.shape[1]
    buffers = shard.reshape(len(hf), -1, hidden)
    for number, whole in enumerate(hf):
        yield number, whole.reshape(hidden, tp, -1)[:, rank], buffers[number].T


PAIRS: Mapping[str, PairMaker] = {
    "replicate": _whole,
    "rows": _rows,
    "columns": _columns,
    "gate_up": _gate_up,
    "qkv": _qkv,
    "vocab_rows": _vocab,
    "stack": _stack,
    "grouped_gate_up": _grouped_gate_up,
    "grouped_down": _grouped_down,
}
