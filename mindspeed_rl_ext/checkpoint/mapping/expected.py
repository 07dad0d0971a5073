"""What a checkpoint of a model must hold: every rank's tensors, names and shapes.

Covers: the table of a model spread over a layout, with the boxes that each tensor is made of; the
HuggingFace side as one part of whole tensors.
Does not cover: number formats and files; `plan` adds them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from mindspeed_rl_ext.checkpoint.mapping.layout import Chunk, Layout, check_divisible, chunks
from mindspeed_rl_ext.checkpoint.mapping.rules import RULES, Copy, Split
from mindspeed_rl_ext.checkpoint.mapping.sizes import Sizes
from mindspeed_rl_ext.checkpoint.mapping.spec import (
    EMBEDDING,
    FINAL_NORM,
    HEAD,
    LAYER,
    MOE,
    Hf,
    ModelSpec,
    Row,
)
from mindspeed_rl_ext.checkpoint.tensors import Box, Ref, Shape, matrix_shape

TE = "transformer_engine"
NOT_SPLIT = Split(tp=1, tp_rank=0)


@dataclass(frozen=True)
class Slot:
    """One tensor of one rank.

    Args:
        name: its Megatron-core name.
        shape: its shape on this rank.
        rule: the rule that made it.
        hf: names of the HuggingFace tensors that `copies` count.
        copies: the boxes that tile it.
        matrix: rows and columns that the copies count, where it is not the shape that says.
        split: how the rule cut.
        keep_dtype: `--params-dtype` does not change it.
    """

    name: str
    shape: Shape
    rule: str
    hf: tuple[str, ...]
    copies: tuple[Copy, ...]
    matrix: tuple[int, int] | None = None
    split: Split = NOT_SPLIT
    keep_dtype: bool = False


@dataclass(frozen=True)
class Part:
    """Tensors that lie together: one model chunk of one rank, or a whole model.

    Args:
        shard: as in `Ref`.
        chunk: as in `Ref`.
        slots: the tensors.
    """

    shard: str
    chunk: str
    slots: tuple[Slot, ...]

    def ref(self, slot: Slot) -> Ref:
        """How a tensor of it is named in the checkpoint."""
        return Ref(self.shard, self.chunk, slot.name)


@dataclass(frozen=True)
class _Rank:
    """What the tensors of one rank and chunk follow from."""

    sizes: Sizes
    layout: Layout
    tp_rank: int
    ep_rank: int

    def split(self, row: Row) -> Split:
        """How this rank cuts the row's tensors; whole experts are not cut."""
        whole = bool(row.grouped) and self.layout.extend_ep
        return Split(
            tp=1 if whole else self.layout.tp,
            tp_rank=0 if whole else self.tp_rank,
            heads=self.sizes.heads,
            groups=self.sizes.groups,
            head_dim=self.sizes.head_dim,
            padded_vocab=self.layout.padded_vocab,
        )


def expected_parts(spec: ModelSpec, sizes: Sizes, layout: Layout) -> list[Part]:
    """All parts, ordered by stage, virtual stage, EP rank, TP rank.

    Raises:
        InputError: something does not divide.
    """
    check_divisible(sizes, layout)
    return [
        Part(
            shard=layout.rank_dir(tp_rank, chunk.pp_rank, ep_rank),
            chunk=chunk.key,
            slots=tuple(_slots(spec, _Rank(sizes, layout, tp_rank, ep_rank), chunk)),
        )
        for chunk in chunks(layout, sizes.layers)
        for ep_rank in range(layout.ep)
        for tp_rank in range(layout.tp)
    ]


def expected_hf(spec: ModelSpec, sizes: Sizes) -> dict[str, Shape]:
    """Every HuggingFace tensor of the model and its shape, in the model's order."""
    return {slot.name: slot.shape for slot in hf_part(spec, sizes).slots}


def hf_part(spec: ModelSpec, sizes: Sizes) -> Part:
    """The HuggingFace model as one part, each tensor made of itself."""
    found: dict[str, Slot] = {}
    order = {EMBEDDING: 0, LAYER: 1, FINAL_NORM: 2, HEAD: 3}
    for place in sorted(order, key=order.__getitem__):
        for layer in range(sizes.layers if place == LAYER else 1):
            for row in _rows(spec, sizes, place, layer):
                for name, hf in _hf_names(row, sizes, layer):
                    shape = sizes.shape(hf.dims)
                    height, width = matrix_shape(shape)
                    whole = (Copy(0, Box(0, height, 0, width)),)
                    found[name] = Slot(
                        name, shape, "replicate", (name,), whole, keep_dtype=row.keep_dtype
                    )
    return Part("", "", tuple(found.values()))


def _hf_names(row: Row, sizes: Sizes, layer: int) -> Iterator[tuple[str, Hf]]:
    for expert in range(sizes.experts if row.grouped else 1):
        for hf in row.hf:
            yield hf.name.format(layer=layer, expert=expert), hf


def _rows(spec: ModelSpec, sizes: Sizes, place: str, layer: int = 0) -> list[Row]:
    """The rows of that place that the model, and this layer of it, has."""
    if place == HEAD and sizes.tied:
        return []
    is_moe = layer in sizes.moe_layers
    return [
        row
        for row in spec.rows
        if row.place == place
        and (not row.option or row.option in sizes.options)
        and (not row.without or row.without not in sizes.options)
        and (not row.mlp or (row.mlp == MOE) == is_moe)
    ]


def applying_rows(spec: ModelSpec, sizes: Sizes) -> list[Row]:
    """The rows that some layer of the model has."""
    layers = {layer in sizes.moe_layers: layer for layer in range(sizes.layers)}
    places = [(EMBEDDING, 0), (FINAL_NORM, 0), (HEAD, 0), *((LAYER, n) for n in layers.values())]
    return [row for place, layer in places for row in _rows(spec, sizes, place, layer)]


def _slots(spec: ModelSpec, rank: _Rank, chunk: Chunk) -> Iterator[Slot]:
    for row, local, layer in _placed(spec, rank.sizes, rank.layout, chunk):
        if row.grouped:
            yield from _expert_slots(row, rank, local, layer)
        else:
            name = _name(row, rank.layout).format(layer=local)
            yield _slot(row, rank, name, row.rule, [(hf, layer, 0) for hf in row.hf])


def _expert_slots(row: Row, rank: _Rank, local: int, layer: int) -> Iterator[Slot]:
    """The slots of a rank's experts: one each, or one for all."""
    layout = rank.layout
    experts = layout.experts_of(rank.sizes.experts, rank.tp_rank, rank.ep_rank)
    if layout.grouped and layout.transformer_impl != TE:
        held = [(hf, layer, expert) for expert in experts for hf in row.hf]
        yield _slot(row, rank, row.grouped.format(layer=local), row.grouped_rule, held)
        return
    pattern = row.grouped_te if layout.grouped else row.mcore
    for number, expert in enumerate(experts):
        name = pattern.format(layer=local, expert=number)
        yield _slot(row, rank, name, row.rule, [(hf, layer, expert) for hf in row.hf])


def _slot(
    row: Row, rank: _Rank, name: str, rule: str, held: list[tuple[Hf, int, int]]
) -> Slot:  # fmt: skip
    split = rank.split(row)
    shard = RULES.get(rule).boxes([rank.sizes.shape(hf.dims) for hf, _, _ in held], split)
    return Slot(
        name=name,
        shape=shard.shape,
        rule=rule,
        hf=tuple(hf.name.format(layer=layer, expert=expert) for hf, layer, expert in held),
        copies=shard.copies,
        matrix=shard.matrix,
        split=split,
        keep_dtype=row.keep_dtype,
    )


def _name(row: Row, layout: Layout) -> str:
    if row.te and layout.transformer_impl == TE:
        return row.te
    return row.newer if row.newer and layout.dialect == "0.12" else row.mcore


def _placed(
    spec: ModelSpec, sizes: Sizes, layout: Layout, chunk: Chunk
) -> Iterator[tuple[Row, int, int]]:
    """The chunk's rows with local index and HuggingFace layer."""
    embedding = _rows(spec, sizes, EMBEDDING)
    if chunk.first:
        yield from ((row, 0, 0) for row in embedding)
    for local, layer in chunk.layers:
        yield from ((row, local, layer) for row in _rows(spec, sizes, LAYER, layer))
    if chunk.last:
        yield from ((row, 0, 0) for row in _rows(spec, sizes, FINAL_NORM))
        if not sizes.tied:
            yield from ((row, 0, 0) for row in _rows(spec, sizes, HEAD))
        elif layout.pp > 1:
            # The last stage can't reach the first one's embedding, so it carries a copy.
            for row in spec.rows:
                if row.place == HEAD:
                    yield replace(row, hf=embedding[0].hf), 0, 0
