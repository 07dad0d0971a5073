"""Rules: which box of which HuggingFace tensor lies where in a rank's Megatron-core tensor.

Covers: the declaration of a rule together with its inverse; replicate, rows, columns, vocab_rows,
qkv, gate_up, stack. A rule is a pure function of shapes, so the same boxes read forwards make
shards of a model, backwards the model of its shards, and one after the other another layout. Its
inverse takes a rank's tensor apart by reshaping whole arrays: another path to the same values, the
one of `verify`.
Does not cover: copying; `assemble` does. Rules of a family stand in its model file.

Example:
    >>> shard = rows([(4, 3)], Split(tp=2, tp_rank=1))
    >>> shard.shape, shard.copies[0].box
    ((2, 3), Box(row=2, rows=2, col=0, cols=3))
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from mindspeed_rl_ext.checkpoint.dtypes import Array
from mindspeed_rl_ext.checkpoint.tensors import Box, Shape, matrix_shape
from mindspeed_rl_ext.core.errors import InputError
from mindspeed_rl_ext.core.registry import Registry


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
        head_parts: widths of the parts of a head of latent attention: of query and key without
            rotation, of both with it, of the value; (0, 0, 0) in other models.
        delta: widths of key and value over all heads of a gated delta net.
    """

    tp: int
    tp_rank: int
    heads: int = 0
    groups: int = 0
    head_dim: int = 0
    padded_vocab: int = 0
    head_parts: tuple[int, int, int] = (0, 0, 0)
    delta: tuple[int, int] = (0, 0)


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
        step: from one row of the box to the next in the rank's tensor.
        shift: what is added to each value.
    """

    source: int
    box: Box
    row: int = 0
    col: int = 0
    padding: bool = False
    transposed: bool = False
    step: int = 1
    shift: float = 0.0


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


RuleFunction = Callable[[Sequence[Shape], Split], Shard]
# The number of a HuggingFace tensor, some of its values, and the same values in the rank's tensor.
Pairs = Iterator[tuple[int, Array, Array]]
Inverse = Callable[[Array, Sequence[Array], Split], Pairs]


@dataclass(frozen=True)
class Rule:
    """A rule and its inverse.

    Args:
        name: what tables call it.
        boxes: shapes of the HuggingFace tensors and the split -> the rank's tensor.
        take_apart: a rank's tensor, the whole HuggingFace tensors and the split -> pairs of
            arrays that must be equal and that hold every weight of the rank's tensor once.
    """

    name: str
    boxes: RuleFunction
    take_apart: Inverse


RULES: Registry[Rule] = Registry("rule")


def rule(take_apart: Inverse) -> Callable[[RuleFunction], RuleFunction]:
    """Declares a rule under its function's name, together with its inverse."""

    def declare(boxes: RuleFunction) -> RuleFunction:
        RULES.register(boxes.__name__, Rule(boxes.__name__, boxes, take_apart))
        return boxes

    return declare


def part_of(size: int, tp: int) -> int:
    """A rank's part of a size; InputError where it does not divide."""
    if size % tp:
        raise InputError(
            f"{size} does not divide into {tp} tensor-parallel ranks",
            found=f"{size} % {tp} = {size % tp}",
            remedy="another --target-tensor-parallel-size",
        )
    return size // tp


def _whole_apart(shard: Array, hf: Sequence[Array], split: Split) -> Pairs:
    yield 0, hf[0], shard


@rule(_whole_apart)
def replicate(shapes: Sequence[Shape], split: Split) -> Shard:
    """Every rank holds the whole tensor."""
    height, width = matrix_shape(shapes[0])
    return Shard(shapes[0], (Copy(0, Box(0, height, 0, width)),))


def _rows_apart(shard: Array, hf: Sequence[Array], split: Split) -> Pairs:
    yield 0, hf[0].reshape(split.tp, *shard.shape)[split.tp_rank], shard


@rule(_rows_apart)
def rows(shapes: Sequence[Shape], split: Split) -> Shard:
    """Rank t holds the t-th part of the rows."""
    height, width = matrix_shape(shapes[0])
    part = part_of(height, split.tp)
    return Shard((part, *shapes[0][1:]), (Copy(0, Box(split.tp_rank * part, part, 0, width)),))


def _columns_apart(shard: Array, hf: Sequence[Array], split: Split) -> Pairs:
    yield 0, hf[0].reshape(shard.shape[0], split.tp, shard.shape[1])[:, split.tp_rank], shard


@rule(_columns_apart)
def columns(shapes: Sequence[Shape], split: Split) -> Shard:
    """Rank t holds the t-th part of the columns."""
    height, width = shapes[0]
    part = part_of(width, split.tp)
    return Shard((height, part), (Copy(0, Box(0, height, split.tp_rank * part, part)),))


def _gate_up_apart(shard: Array, hf: Sequence[Array], split: Split) -> Pairs:
    halves = shard.reshape(2, shard.shape[0] // 2, *shard.shape[1:])
    for number in (0, 1):
        yield number, hf[number].reshape(split.tp, *halves.shape[1:])[split.tp_rank], halves[number]


@rule(_gate_up_apart)
def gate_up(shapes: Sequence[Shape], split: Split) -> Shard:
    """Rank t holds its part of gate above its part of up, not a slice of the two stacked."""
    gate, up = (rows([shape], split) for shape in shapes)
    part = gate.shape[0]
    return Shard(
        (2 * part, *gate.shape[1:]),
        (gate.copies[0], Copy(1, up.copies[0].box, row=part)),
    )


def _qkv_apart(shard: Array, hf: Sequence[Array], split: Split) -> Pairs:
    rest = shard.shape[1:]
    head_dim = hf[1].shape[0] // split.groups
    local = split.groups // split.tp
    grouped = shard.reshape(local, -1, head_dim, *rest)
    mine = slice(split.tp_rank * local, (split.tp_rank + 1) * local)
    yield 0, hf[0].reshape(split.groups, -1, head_dim, *rest)[mine], grouped[:, :-2]
    yield 1, hf[1].reshape(split.groups, head_dim, *rest)[mine], grouped[:, -2]
    yield 2, hf[2].reshape(split.groups, head_dim, *rest)[mine], grouped[:, -1]


@rule(_qkv_apart)
def qkv(shapes: Sequence[Shape], split: Split) -> Shard:
    """Rank t holds groups t*g/T to (t+1)*g/T: each is its query heads, its key, its value.

    Args:
        shapes: of q [heads * head_dim, ...], k and v [groups * head_dim, ...].
        split: with heads, groups and head_dim.

    Returns:
        Shard of [(heads + 2 * groups) * head_dim / T, ...].
    """
    width = matrix_shape(shapes[0])[1]
    count = part_of(split.groups, split.tp)
    query, single = split.heads // split.groups * split.head_dim, split.head_dim
    copies = []
    at = 0
    for group in range(split.tp_rank * count, (split.tp_rank + 1) * count):
        for source, height in ((0, query), (1, single), (2, single)):
            copies.append(Copy(source, Box(group * height, height, 0, width), row=at))
            at += height
    return Shard((at, *shapes[0][1:]), tuple(copies))


def _vocab_apart(shard: Array, hf: Sequence[Array], split: Split) -> Pairs:
    here = hf[0][split.tp_rank * shard.shape[0] : (split.tp_rank + 1) * shard.shape[0]]
    yield 0, here, shard[: here.shape[0]]


@rule(_vocab_apart)
def vocab_rows(shapes: Sequence[Shape], split: Split) -> Shard:
    """Rank t holds its part of the rows after padding; padding repeats the last row."""
    height, width = matrix_shape(shapes[0])
    part = part_of(split.padded_vocab, split.tp)
    start = split.tp_rank * part
    real = max(0, min(height - start, part))
    copies = [Copy(0, Box(start, real, 0, width))] if real else []
    copies += [
        Copy(0, Box(height - 1, 1, 0, width), row=row, padding=True) for row in range(real, part)
    ]
    return Shard((part, *shapes[0][1:]), tuple(copies))


def _stack_apart(shard: Array, hf: Sequence[Array], split: Split) -> Pairs:
    at = 0
    for number, whole in enumerate(hf):
        yield number, whole, shard[at : at + whole.shape[0]]
        at += whole.shape[0]


@rule(_stack_apart)
def stack(shapes: Sequence[Shape], split: Split) -> Shard:
    """Every rank holds all of them, one above the other."""
    copies, at = [], 0
    for source, shape in enumerate(shapes):
        height, width = matrix_shape(shape)
        copies.append(Copy(source, Box(0, height, 0, width), row=at))
        at += height
    return Shard((at, *shapes[0][1:]), tuple(copies))
