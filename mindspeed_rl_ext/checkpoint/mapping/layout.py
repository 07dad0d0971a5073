"""Which rank holds what: TP, PP, EP, virtual stages, uneven stages, noop layers.

Covers: the assignment of layers to chunks and of experts to ranks, padded vocabulary, names of
rank directories.
Does not cover: reading a layout from args (`layout_args`), what a model allows (`check_layout`).

Example:
    >>> [c.layers for c in chunks(Layout(pp=2), num_layers=4)]
    [((0, 0), (1, 1)), ((0, 2), (1, 3))]
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate
from math import lcm
from typing import NamedTuple

from mindspeed_rl_ext.checkpoint.mapping.spec import (
    BUFFERS,
    CORE,
    CUT_EXPERTS,
    HOST_MTP,
    HOSTS,
    MM_SPLIT,
    TP,
    WHOLE_DOWN,
)
from mindspeed_rl_ext.core.errors import InputError

TE = "transformer_engine"


class GridRank(NamedTuple):
    """A rank's numbers on the axes of a layout."""

    tp: int
    pp: int
    ep: int


@dataclass(frozen=True)
class Layout:
    """How a checkpoint is sharded.

    Args:
        tp: tensor-parallel size.
        pp: pipeline-parallel size.
        layers_per_virtual_stage: layers of a virtual stage; 0 without virtual stages.
        layer_list: layers of each pipeline stage; empty for equal stages.
        chunk_layers: layers of each model chunk in the order of the model, of a checkpoint whose
            stages Megatron's own args set; empty otherwise.
        noop_layers: slots, counted from 0 over all slots, that hold no layer.
        padded_vocab: rows of the embedding over all TP ranks.
        transformer_impl: "local" or "transformer_engine".
        ep: expert-parallel size.
        extend_ep: TP ranks hold whole experts, as if EP were EP x TP (--moe-tp-extend-ep).
        grouped: one buffer holds the experts of a rank (--moe-grouped-gemm).
        dialect: "0.8", "0.12" or "core", whose names of latent attention, the shared gate and
            prediction layers are used.
        whole_experts: TP does not cut experts (--expert-tensor-parallel-size 1).
        mm_split: the upward projections of latent attention are in four (--mla-mm-split).
        dualpipe: stages hold slices of both ends (--schedules-method dualpipev).
        mtp: multi-token-prediction layers.
        whole_down: transformer_engine's latent attention of newer core, whose downward projections
            TP does not cut.
    """

    tp: int = 1
    pp: int = 1
    layers_per_virtual_stage: int = 0
    layer_list: tuple[int, ...] = ()
    chunk_layers: tuple[int, ...] = ()
    noop_layers: tuple[int, ...] = ()
    padded_vocab: int = 0
    transformer_impl: str = "local"
    ep: int = 1
    extend_ep: bool = False
    grouped: bool = False
    dialect: str = "0.8"
    whole_experts: bool = False
    mm_split: bool = False
    dualpipe: bool = False
    mtp: int = 0
    whole_down: bool = False

    @property
    def kinds(self) -> frozenset[str]:
        """What the layout has of what rows of tables ask for."""
        core = self.dialect == CORE
        found = {
            CORE: core,
            HOST_MTP: self.mtp > 0 and not core,
            MM_SPLIT: self.mm_split,
            HOSTS: not core,
            WHOLE_DOWN: core and self.whole_down and self.transformer_impl == TE,
            TP: self.tp > 1,
            BUFFERS: self.grouped and self.transformer_impl != TE,
            CUT_EXPERTS: self.tp > 1 and not (self.extend_ep or self.whole_experts),
        }
        return frozenset(kind for kind, has in found.items() if has)

    def ranks(self) -> list[tuple[int, int]]:
        """Pairs of TP and EP rank; where TP cuts no experts, one rank has both roles."""
        if self.whole_experts:
            return [(n % self.tp, n % self.ep) for n in range(lcm(self.tp, self.ep))]
        return [(t, e) for e in range(self.ep) for t in range(self.tp)]

    def rank_dir(self, tp_rank: int, pp_rank: int, ep_rank: int = 0) -> str:
        """The directory of a rank, as Megatron names it."""
        stage = f"_{pp_rank:03d}" if self.pp > 1 else ""
        return f"mp_rank_{tp_rank:02d}{stage}" + (f"_{ep_rank:03d}" if self.ep > 1 else "")

    def grid(self) -> list[GridRank]:
        """All ranks that have a file of their own, in the order in which Megatron numbers them."""
        return [GridRank(t, p, e) for p in range(self.pp) for t, e in self.ranks()]

    def rank_dirs(self) -> set[str]:
        """The directories of all ranks."""
        return {self.rank_dir(*rank) for rank in self.grid()}

    def experts_of(self, experts: int, tp_rank: int, ep_rank: int) -> range:
        """The experts that a rank holds, wholly or its part of."""
        buckets, bucket = self.ep, ep_rank
        if self.extend_ep:
            buckets, bucket = self.ep * self.tp, ep_rank * self.tp + tp_rank
        each = experts // buckets
        return range(bucket * each, (bucket + 1) * each)


@dataclass(frozen=True)
class Chunk:
    """One model chunk of one pipeline stage.

    Args:
        pp_rank: its stage.
        key: its key in the file: "model", or "model0", "model1" with virtual stages.
        layers: pairs of local index and HuggingFace layer.
        first: it holds the embedding.
        last: it holds the final norm, the output layer and the prediction layers.
    """

    pp_rank: int
    key: str
    layers: tuple[tuple[int, int], ...]
    first: bool
    last: bool


def chunks(layout: Layout, num_layers: int) -> list[Chunk]:
    """The chunks of all stages, ordered by stage, then by virtual stage.

    Args:
        layout: sizes of the parallel groups.
        num_layers: the model's layers, without noop layers.

    Raises:
        InputError: the layers do not divide; the numbers and a remedy are named.
    """
    slots = _slots(layout, num_layers)
    if layout.dualpipe:
        return _dualpipe_chunks(layout, slots)
    pieces = _pieces(layout, len(slots))
    first, last = pieces[0], pieces[-1]
    return [
        Chunk(
            pp_rank=piece.pp_rank,
            key=f"model{piece.virtual}" if last.virtual else "model",
            layers=tuple(
                (local, layer)
                for local, layer in enumerate(slots[piece.start : piece.stop])
                if layer is not None
            ),
            first=piece is first,
            last=piece is last,
        )
        for piece in sorted(pieces)
    ]


class _Piece(NamedTuple):
    """The slots of one chunk, from the first up to but not with the last."""

    pp_rank: int
    virtual: int
    start: int
    stop: int


def _pieces(layout: Layout, total: int) -> list[_Piece]:
    """The chunks in the order of the model."""
    if layout.chunk_layers:
        return _uneven_chunks(layout, total)
    if layout.layers_per_virtual_stage:
        return _virtual_slices(layout, total)
    return [_Piece(pp, 0, *ends) for pp, ends in enumerate(_stages(layout, total))]


def _uneven_chunks(layout: Layout, total: int) -> list[_Piece]:
    stops = list(accumulate(layout.chunk_layers))
    if stops[-1] != total or len(stops) % layout.pp:
        raise InputError(
            "the stages of the checkpoint's args do not fit the model",
            found=f"{len(stops)} chunks with {stops[-1]} layers, {layout.pp} stages",
            expected=f"{total} layers",
            remedy="check --hf-cfg-dir",
        )
    starts = [0, *stops[:-1]]
    return [
        _Piece(number % layout.pp, number // layout.pp, *ends)
        for number, ends in enumerate(zip(starts, stops, strict=True))
    ]


def _dualpipe_chunks(layout: Layout, slots: list[int | None]) -> list[Chunk]:
    """Stage p holds the p-th slice from the front and the p-th from the back."""
    each, rest = divmod(len(slots), 2 * layout.pp)
    if rest or layout.layer_list or layout.layers_per_virtual_stage or layout.pp == 1:
        raise InputError(
            f"{len(slots)} layers do not form the slices of dualpipev",
            found=f"{len(slots)} % (2 x {layout.pp}) = {rest}",
            expected="remainder 0, at least 2 stages, no --num-layer-list, no virtual stages",
            remedy="--noop-layers fills up, or another pipeline size",
        )
    found = []
    for pp in range(layout.pp):
        back = len(slots) - (pp + 1) * each
        for key, start in (("model0", pp * each), ("model1", back)):
            held = enumerate(slots[start : start + each])
            layers = tuple((local, layer) for local, layer in held if layer is not None)
            ends = (start == 0, pp == 0 and key == "model1")
            found.append(Chunk(pp, key, layers, *ends))
    return found


def _slots(layout: Layout, num_layers: int) -> list[int | None]:
    """Each slot's HuggingFace layer; None where the slot is a noop layer."""
    noop = set(layout.noop_layers)
    total = num_layers + len(noop)
    if len(noop) != len(layout.noop_layers) or not all(0 <= slot < total for slot in noop):
        raise InputError(
            f"--noop-layers {','.join(map(str, layout.noop_layers))} cannot be placed",
            expected=f"different numbers from 0 to {total - 1}",
        )
    layers = iter(range(num_layers))
    return [None if slot in noop else next(layers) for slot in range(total)]


def _stages(layout: Layout, total: int) -> list[tuple[int, int]]:
    if layout.layer_list:
        return _uneven_stages(layout, total)
    if total % layout.pp:
        raise InputError(
            f"{total} layers do not divide into {layout.pp} pipeline stages",
            found=f"{total} % {layout.pp} = {total % layout.pp}",
            remedy=f"a pipeline size among {divisors(total)}, or --num-layer-list with the "
            "layers of each stage",
        )
    each = total // layout.pp
    return [(pp * each, (pp + 1) * each) for pp in range(layout.pp)]


def _uneven_stages(layout: Layout, total: int) -> list[tuple[int, int]]:
    shown = ",".join(map(str, layout.layer_list))
    if layout.layers_per_virtual_stage or layout.noop_layers:
        raise InputError(
            "--num-layer-list goes with neither virtual stages nor noop layers",
            remedy="drop one of the flags",
        )
    if len(layout.layer_list) != layout.pp or sum(layout.layer_list) != total:
        raise InputError(
            f"--num-layer-list {shown} does not fit",
            found=f"{len(layout.layer_list)} stages with {sum(layout.layer_list)} layers",
            expected=f"{layout.pp} stages with {total} layers",
        )
    if min(layout.layer_list) < 1:
        raise InputError(f"--num-layer-list {shown} has a stage without layers")
    stops = list(accumulate(layout.layer_list))
    return list(zip([0, *stops[:-1]], stops, strict=True))


def _virtual_slices(layout: Layout, total: int) -> list[_Piece]:
    each = layout.layers_per_virtual_stage
    if layout.pp == 1 or total % (layout.pp * each):
        raise InputError(
            f"{total} layers do not form virtual stages of {each} on {layout.pp} pipeline stages",
            found=f"{total} % ({layout.pp} x {each}) = {total % (layout.pp * each)}",
            expected="remainder 0, and at least 2 pipeline stages",
            remedy="change --num-layers-per-virtual-pipeline-stage or the pipeline size",
        )
    if layout.layer_list:
        _uneven_stages(layout, total)
    return [
        _Piece(n % layout.pp, n // layout.pp, n * each, (n + 1) * each)
        for n in range(total // each)
    ]


def padded_vocab(vocab: int, tp: int, divisible_by: int, wanted: int | None) -> int:
    """Rows of the embedding after padding.

    Args:
        vocab: rows of the HuggingFace embedding.
        tp: tensor-parallel size.
        divisible_by: `--make-vocab-size-divisible-by`.
        wanted: `--padded-vocab-size`, which goes first.

    Raises:
        InputError: the wanted size is too small or does not divide.

    Example:
        >>> padded_vocab(1001, tp=2, divisible_by=128, wanted=None)
        1024
    """
    if wanted is None:
        unit = divisible_by * tp
        return -(-vocab // unit) * unit
    if wanted < vocab or wanted % tp:
        raise InputError(
            f"--padded-vocab-size {wanted} cannot hold the vocabulary",
            found=f"{vocab} rows, TP {tp}",
            expected=f"a multiple of {tp}, at least {vocab}",
            remedy=f"--padded-vocab-size {-(-max(vocab, wanted) // tp) * tp}, or leave it out",
        )
    return wanted


def divisors(number: int) -> list[int]:
    """All numbers that divide it, in order."""
    return [n for n in range(1, number + 1) if number % n == 0]
