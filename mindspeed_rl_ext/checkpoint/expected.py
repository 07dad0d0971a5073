"""What a Megatron-core checkpoint of a model must hold: every rank's tensors, names and shapes.

Covers: the table of a model spread over a layout, with the boxes that each tensor is made of.
Does not cover: number formats and files; `plan` adds them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from mindspeed_rl_ext.checkpoint.layout import Chunk, Layout, check_divisible, chunks
from mindspeed_rl_ext.checkpoint.rules import RULES, Copy, Split
from mindspeed_rl_ext.checkpoint.sizes import Sizes
from mindspeed_rl_ext.checkpoint.spec import EMBEDDING, FINAL_NORM, HEAD, LAYER, ModelSpec, Row
from mindspeed_rl_ext.checkpoint.tensors import Shape


@dataclass(frozen=True)
class Slot:
    """One tensor of one rank.

    Args:
        name: its Megatron-core name.
        shape: its shape on this rank.
        rule: the rule that made it.
        hf: names of the HuggingFace tensors that `copies` count.
        copies: the boxes that tile it.
    """

    name: str
    shape: Shape
    rule: str
    hf: tuple[str, ...]
    copies: tuple[Copy, ...]


@dataclass(frozen=True)
class RankPart:
    """One model chunk of one rank: part of the file in `directory`, under `key`."""

    directory: str
    tp_rank: int
    pp_rank: int
    key: str
    slots: tuple[Slot, ...]

    @property
    def part(self) -> str:
        """The part's name in a `Ref`."""
        return f"{self.directory}/{self.key}"


def expected_parts(spec: ModelSpec, sizes: Sizes, layout: Layout) -> list[RankPart]:
    """All parts, ordered by stage, virtual stage, TP rank.

    Raises:
        InputError: something does not divide.
    """
    check_divisible(sizes, layout.tp)
    return [
        RankPart(
            directory=layout.rank_dir(tp_rank, chunk.pp_rank),
            tp_rank=tp_rank,
            pp_rank=chunk.pp_rank,
            key=chunk.key,
            slots=tuple(_slots(spec, sizes, layout, chunk, tp_rank)),
        )
        for chunk in chunks(layout, sizes.layers)
        for tp_rank in range(layout.tp)
    ]


def expected_hf(spec: ModelSpec, sizes: Sizes) -> dict[str, Shape]:
    """Every HuggingFace tensor of the model and its shape, in the model's order."""
    found: dict[str, Shape] = {}
    order = {EMBEDDING: 0, LAYER: 1, FINAL_NORM: 2, HEAD: 3}
    for place in sorted(order, key=order.__getitem__):
        for layer in range(sizes.layers if place == LAYER else 1):
            for row in _rows(spec, sizes, place):
                for hf in row.hf:
                    found[hf.name.format(layer=layer)] = sizes.shape(hf.dims)
    return found


def _rows(spec: ModelSpec, sizes: Sizes, place: str) -> list[Row]:
    if place == HEAD and sizes.tied:
        return []
    return [
        row
        for row in spec.rows
        if row.place == place and (not row.option or row.option in sizes.options)
    ]


def _slots(
    spec: ModelSpec, sizes: Sizes, layout: Layout, chunk: Chunk, tp_rank: int
) -> Iterator[Slot]:
    split = Split(
        tp=layout.tp,
        tp_rank=tp_rank,
        heads=sizes.heads,
        groups=sizes.groups,
        head_dim=sizes.head_dim,
        padded_vocab=layout.padded_vocab,
    )
    for row, local, layer in _placed(spec, sizes, layout, chunk):
        shapes = [sizes.shape(hf.dims) for hf in row.hf]
        shard = RULES[row.rule](shapes, split)
        yield Slot(
            name=row.name(layout.transformer_impl).format(layer=local),
            shape=shard.shape,
            rule=row.rule,
            hf=tuple(hf.name.format(layer=layer) for hf in row.hf),
            copies=shard.copies,
        )


def _placed(
    spec: ModelSpec, sizes: Sizes, layout: Layout, chunk: Chunk
) -> Iterator[tuple[Row, int, int]]:
    """The chunk's rows with local index and HuggingFace layer."""
    embedding = _rows(spec, sizes, EMBEDDING)
    if chunk.first:
        yield from ((row, 0, 0) for row in embedding)
    for local, layer in chunk.layers:
        yield from ((row, local, layer) for row in _rows(spec, sizes, LAYER))
    if chunk.last:
        yield from ((row, 0, 0) for row in _rows(spec, sizes, FINAL_NORM))
        if not sizes.tied:
            yield from ((row, 0, 0) for row in _rows(spec, sizes, HEAD))
        elif layout.pp > 1:
            # The last stage can't reach the first one's embedding, so it carries a copy.
            for row in spec.rows:
                if row.place == HEAD:
                    yield Row(row.mcore, embedding[0].hf, row.rule, HEAD), 0, 0
