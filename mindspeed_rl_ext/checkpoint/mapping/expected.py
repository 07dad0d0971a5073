"""What a checkpoint of a model must hold: every rank's tensors, names and shapes.

Covers: the table of a model spread over a layout, with the boxes that each tensor is made of; the
HuggingFace side as one part of whole tensors.
Does not cover: number formats and files; `plan` adds them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from mindspeed_rl_ext.checkpoint.mapping.check_layout import check_divisible, check_kinds
from mindspeed_rl_ext.checkpoint.mapping.layout import (
    TE,
    Chunk,
    Layout,
    chunks,
)
from mindspeed_rl_ext.checkpoint.mapping.rules.basic import RULES, Copy, Shard, Split
from mindspeed_rl_ext.checkpoint.mapping.sizes import Sizes
from mindspeed_rl_ext.checkpoint.mapping.spec import (
    CORE,
    EMBEDDING,
    FINAL_NORM,
    HEAD,
    LAYER,
    LINEAR,
    MOE,
    PREDICTION,
    Hf,
    ModelSpec,
    Row,
)
from mindspeed_rl_ext.checkpoint.tensors import Box, Ref, Shape, matrix_shape

NOT_SPLIT = Split(tp=1, tp_rank=0)
# How the tensors of a decoder's layer and of a prediction layer begin.
_LAYER_PREFIX, _PREDICTION_PREFIX = "decoder.layers.", "mtp."
_HF_LAYER = "model.layers.{layer}."
_INNER_LAYER = "mtp.layers.{layer}.transformer_layer."


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
        repeats: it is a HuggingFace tensor that repeats the one in `hf`.
    """

    name: str
    shape: Shape
    rule: str
    hf: tuple[str, ...]
    copies: tuple[Copy, ...]
    matrix: tuple[int, int] | None = None
    split: Split = NOT_SPLIT
    keep_dtype: bool = False
    repeats: bool = False


@dataclass(frozen=True)
class Part:
    """Tensors that lie together: one model chunk of one rank, or a whole model.

    Args:
        shard: as in `Ref`.
        chunk: as in `Ref`.
        slots: the tensors; maybe made anew each time they are asked for.
    """

    shard: str
    chunk: str
    slots: Sequence[Slot]

    def ref(self, slot: Slot) -> Ref:
        """How a tensor of it is named in the checkpoint."""
        return Ref(self.shard, self.chunk, slot.name)


@dataclass(frozen=True)
class _Table:
    """A family's rows, with the sizes of one model and the layout of one checkpoint."""

    spec: ModelSpec
    sizes: Sizes
    layout: Layout
    _shapes: dict[tuple[str, ...], Shape] = field(default_factory=dict)
    _rows: dict[tuple[str, bool, bool], list[Row]] = field(default_factory=dict)

    def shape(self, dims: tuple[str, ...]) -> Shape:
        """The shape that dimensions mean; each is worked out once."""
        if dims not in self._shapes:
            self._shapes[dims] = self.sizes.shape(dims)
        return self._shapes[dims]

    def rows(self, place: str, layer: int = 0) -> list[Row]:
        """The rows of that place that the model, and this layer of it, has."""
        sparse = layer in self.sizes.moe_layers
        if layer >= self.sizes.layers:  # a prediction layer is as the last layer
            sparse = bool(self.sizes.moe_layers)
        key = (place, sparse, layer in self.sizes.linear_layers)
        if key not in self._rows:
            self._rows[key] = self._filtered(*key)
        return self._rows[key]

    def _filtered(self, place: str, sparse: bool, linear: bool) -> list[Row]:
        if place == HEAD and self.sizes.tied:
            return []
        kinds = self.layout.kinds
        return [
            row
            for row in self.spec.rows
            if row.place == place
            and (not row.option or row.option in self.sizes.options)
            and (not row.without or row.without not in self.sizes.options)
            and (not row.mlp or (row.mlp == MOE) == sparse)
            and (not row.attention or (row.attention == LINEAR) == linear)
            and (not row.layout or row.layout in kinds)
            and (not row.not_layout or row.not_layout not in kinds)
        ]

    def prediction_rows(self, number: int) -> list[Row]:
        """The rows of a multi-token-prediction layer, named as Megatron names them."""
        layer = self.sizes.layers + number
        # All prediction layers share a copy of the embedding, which only later stages need.
        shared = self.layout.pp > 1 and number == 0
        own = [
            row
            for row in self.rows(PREDICTION, layer)
            if row.mcore.startswith(_PREDICTION_PREFIX) or (row.mcore and shared)
        ]
        return [*own, *(_inside_prediction(row) for row in self.rows(LAYER, layer))]

    def hf_name(self, hf: Hf, layer: int, expert: int) -> str:
        """The HuggingFace name; prediction layers may have a beginning of their own."""
        own = self.spec.mtp_names
        if own and layer >= self.sizes.layers:
            name = hf.name.replace(_HF_LAYER, own)
            return name.format(layer=layer - self.sizes.layers, expert=expert)
        return hf.name.format(layer=layer, expert=expert)

    def source_of(self, hf: Hf, layer: int, expert: int) -> str:
        """The HuggingFace name, or that of the tensor that it repeats."""
        if not hf.copy_of:
            if not self.spec.mtp_names:  # planning asks half a million times
                return hf.name.format(layer=layer, expert=expert)
            return self.hf_name(hf, layer, expert)
        heads = [row.hf[0].name for row in self.spec.rows if row.place == HEAD]
        tied = self.sizes.tied and hf.copy_of in heads
        return self.rows(EMBEDDING)[0].hf[0].name if tied else hf.copy_of


def _inside_prediction(row: Row) -> Row:
    def renamed(name: str) -> str:
        if not name:
            return name
        return name.replace(_LAYER_PREFIX + "{layer}.", _INNER_LAYER)

    return replace(
        row,
        mcore=renamed(row.mcore),
        te=renamed(row.te),
        newer=renamed(row.newer),
        grouped=renamed(row.grouped),
        grouped_te=renamed(row.grouped_te),
    )


@dataclass(frozen=True)
class _Rank:
    """What the tensors of one rank and chunk follow from."""

    table: _Table
    tp_rank: int
    ep_rank: int
    # All layers and experts of a rank have the same boxes; only their names differ.
    _boxes: dict[tuple[int, str, int], Shard] = field(default_factory=dict)

    @property
    def sizes(self) -> Sizes:
        return self.table.sizes

    @property
    def layout(self) -> Layout:
        return self.table.layout

    def split(self, row: Row) -> Split:
        """How this rank cuts the row's tensors; whole experts are not cut."""
        whole = row.per_expert and (self.layout.extend_ep or self.layout.whole_experts)
        return self._uncut if whole else self._cut

    @cached_property
    def _cut(self) -> Split:
        sizes = self.sizes
        return Split(
            tp=self.layout.tp,
            tp_rank=self.tp_rank,
            heads=sizes.heads,
            groups=sizes.groups,
            head_dim=sizes.head_dim,
            padded_vocab=self.layout.padded_vocab,
            head_parts=sizes.head_parts,
            delta=sizes.delta,
        )

    @cached_property
    def _uncut(self) -> Split:
        return replace(self._cut, tp=1, tp_rank=0)

    def boxes(self, row: Row, rule: str, count: int) -> Shard:
        """What the rule makes of the row's tensors, `count` times one after another."""
        key = (id(row.hf), rule, count)
        if key not in self._boxes:
            shapes = [self.table.shape(hf.dims) for hf in row.hf] * count
            self._boxes[key] = RULES.get(rule).boxes(shapes, self.split(row))
        return self._boxes[key]


@dataclass(frozen=True)
class _LazySlots(Sequence[Slot]):
    """The slots of one rank's chunk, made when they are gone through: 2,048 ranks have many."""

    rank: _Rank
    chunk: Chunk

    def __iter__(self) -> Iterator[Slot]:
        return _slots(self.rank, self.chunk)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __getitem__(self, index: Any) -> Any:
        return tuple(self)[index]


def expected_parts(spec: ModelSpec, sizes: Sizes, layout: Layout) -> list[Part]:
    """All parts, ordered by stage, virtual stage, EP rank, TP rank.

    Raises:
        InputError: something does not divide.
    """
    check_kinds(spec, layout)
    check_divisible(sizes, layout)
    table = _Table(spec, sizes, layout)
    return [
        Part(
            shard=layout.rank_dir(tp_rank, chunk.pp_rank, ep_rank),
            chunk=chunk.key,
            slots=_LazySlots(_Rank(table, tp_rank, ep_rank), chunk),
        )
        for chunk in chunks(layout, sizes.layers)
        for tp_rank, ep_rank in layout.ranks()
    ]


def expected_hf(spec: ModelSpec, sizes: Sizes, mtp: int = 0) -> dict[str, Shape]:
    """Every HuggingFace tensor of the model and its shape, in the model's order."""
    return {slot.name: slot.shape for slot in hf_part(spec, sizes, mtp).slots}


def hf_part(spec: ModelSpec, sizes: Sizes, mtp: int = 0) -> Part:
    """The HuggingFace model as one part, each tensor made of itself.

    Args:
        spec: the family.
        sizes: the model's sizes.
        mtp: multi-token-prediction layers to count in; they follow the other layers.
    """
    table = _Table(spec, sizes, Layout())
    found: dict[str, Slot] = {}
    for row, layer in _hf_rows(table, mtp):
        for name, hf, expert in _hf_names(table, row, layer):
            shape = table.shape(hf.dims)
            height, width = matrix_shape(shape)
            box = (Copy(0, Box(0, height, 0, width)),)
            of = table.source_of(hf, layer, expert)
            repeats = bool(hf.copy_of)
            found[name] = Slot(
                name, shape, "replicate", (of,), box, keep_dtype=row.keep_dtype, repeats=repeats
            )
    return Part("", "", tuple(found.values()))


def _hf_rows(table: _Table, mtp: int) -> Iterator[tuple[Row, int]]:
    layers = table.sizes.layers
    yield from ((row, 0) for row in table.rows(EMBEDDING))
    for layer in range(layers + mtp):
        yield from ((row, layer) for row in table.rows(LAYER, layer))
        if layer >= layers:
            yield from ((row, layer) for row in table.rows(PREDICTION, layer))
    for place in (FINAL_NORM, HEAD):
        yield from ((row, 0) for row in table.rows(place))


def _hf_names(table: _Table, row: Row, layer: int) -> Iterator[tuple[str, Hf, int]]:
    for expert in range(table.sizes.experts if row.per_expert else 1):
        for hf in row.hf:
            yield table.hf_name(hf, layer, expert), hf, expert


def applying_rows(spec: ModelSpec, sizes: Sizes) -> list[Row]:
    """The rows that some layer of the model has."""
    table = _Table(spec, sizes, Layout())
    kinds = (sizes.moe_layers, sizes.linear_layers)
    layers = {tuple(layer in kind for kind in kinds): layer for layer in range(sizes.layers)}
    places = [(EMBEDDING, 0), (FINAL_NORM, 0), (HEAD, 0), *((LAYER, n) for n in layers.values())]
    return [row for place, layer in places for row in table.rows(place, layer)]


def _slots(rank: _Rank, chunk: Chunk) -> Iterator[Slot]:
    for row, local, layer in _placed(rank.table, chunk):
        if row.per_expert:
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
    shard = rank.boxes(row, rule, len(held) // len(row.hf))
    return Slot(
        name,
        shard.shape,
        rule,
        tuple([rank.table.source_of(hf, layer, expert) for hf, layer, expert in held]),
        shard.copies,
        shard.matrix,
        rank.split(row),
        row.keep_dtype,
    )


def _name(row: Row, layout: Layout) -> str:
    if row.te and layout.transformer_impl == TE:
        return row.te
    return row.newer if row.newer and layout.dialect in ("0.12", CORE) else row.mcore


def _placed(table: _Table, chunk: Chunk) -> Iterator[tuple[Row, int, int]]:
    """The chunk's rows with local index and HuggingFace layer."""
    sizes, layout = table.sizes, table.layout
    embedding = table.rows(EMBEDDING)
    if chunk.first:
        yield from ((row, 0, 0) for row in embedding)
    for local, layer in chunk.layers:
        yield from ((row, local, layer) for row in table.rows(LAYER, layer))
    if not chunk.last:
        return
    for number in range(layout.mtp):
        yield from ((r, number, sizes.layers + number) for r in table.prediction_rows(number))
    yield from ((row, 0, 0) for row in table.rows(FINAL_NORM))
    if not sizes.tied:
        yield from ((row, 0, 0) for row in table.rows(HEAD))
    elif layout.pp > 1:
        # The last stage can't reach the first one's embedding, so it carries a copy.
        for row in table.spec.rows:
            if row.place == HEAD:
                yield replace(row, hf=embedding[0].hf), 0, 0
