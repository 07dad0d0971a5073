"""An adapter as a model: the family's table with two thin matrices in the place of each weight.

Megatron's adapter of a fused layer (query, key and value in one) has one matrix `lora_A` for all of
them and a `lora_B` cut as the layer's weight is; HuggingFace has a pair for each. So the rules that
cut weights cut `lora_B`, or `lora_A` where the layer's columns are cut.

Covers: every layer of a family that has one weight of two dimensions.
Does not cover: adapters of grouped experts, of which the hosts have a format of their own.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace

from mindspeed_rl_ext.checkpoint.adapters.settings import AdapterSettings
from mindspeed_rl_ext.checkpoint.dtypes import Array
from mindspeed_rl_ext.checkpoint.mapping.model import Model
from mindspeed_rl_ext.checkpoint.mapping.rules.basic import Copy, Pairs, Shard, Split, rule
from mindspeed_rl_ext.checkpoint.mapping.spec import MM_SPLIT, Hf, Row
from mindspeed_rl_ext.checkpoint.tensors import Box, Shape, matrix_shape

DOWN, UP = ".lora_A.weight", ".lora_B.weight"
PEFT_PREFIX = "base_model.model."
_WEIGHT = ".weight"
_RANK = "lora_rank"
_NUMBER = re.compile(r"\{\w+\}|(?<=\.)\d+(?=\.)")
_PREDICTION, _DECODER = "mtp.layers.#.transformer_layer.", "decoder.layers.#."


def _shared_apart(shard: Array, hf: Sequence[Array], split: Split) -> Pairs:
    for number, whole in enumerate(hf):
        yield number, whole, shard


@rule(_shared_apart)
def shared(shapes: Sequence[Shape], split: Split) -> Shard:
    """Every rank holds one tensor, which each of the HuggingFace tensors is a copy of."""
    height, width = matrix_shape(shapes[0])
    copies = tuple(Copy(number, Box(0, height, 0, width)) for number in range(len(shapes)))
    return Shard(shapes[0], copies)


@dataclass(frozen=True)
class AdapterModel(Model):
    """The tensors of an adapter of a model, under PEFT's names.

    Args:
        settings: what scales the products.
        base: the model.
    """

    settings: AdapterSettings = field(kw_only=True)
    base: Model = field(kw_only=True)

    def tied_name(self) -> str:
        """Nothing: an adapter of the embedding is none of linear layers."""
        return ""


def adapter_model(
    model: Model, targets: Collection[str], settings: AdapterSettings, mtp: int
) -> AdapterModel:
    """The adapter of a model that changes some layers.

    Args:
        model: the model.
        targets: where Megatron has the layers; see `layer_path`.
        settings: what the adapter says of itself.
        mtp: multi-token-prediction layers that it changes.
    """
    rows = tuple(row for found in model.spec.rows for row in _rows(found, targets))
    spec = replace(model.spec, rows=rows, ignored=())
    sizes = replace(model.sizes, extra={**model.sizes.extra, _RANK: settings.rank})
    return AdapterModel(spec, sizes, model.folder, mtp, settings=settings, base=model)


def layer_path(name: str) -> str:
    """Where a layer is in a Megatron model, whatever the numbers of layers and experts.

    Args:
        name: of a tensor of it, or of a row of a table.

    Example:
        >>> layer_path("decoder.layers.3.mlp.linear_fc1.lora_A.weight")
        'decoder.layers.#.mlp.linear_fc1'
    """
    plain = name.removesuffix(DOWN).removesuffix(UP).removesuffix(_WEIGHT)
    return _NUMBER.sub("#", plain).replace(_PREDICTION, _DECODER)


def hf_modules(model: Model, layer: str) -> set[str]:
    """What HuggingFace calls the modules of a layer of Megatron, without the path.

    Args:
        model: the model.
        layer: Megatron's name, without the path; a name of HuggingFace is returned as it is.
    """
    rows = (row for row in model.spec.rows if row.mcore.endswith(_WEIGHT))
    found = {
        hf.name.removesuffix(_WEIGHT).rpartition(".")[2]
        for row in rows
        if layer in _layer_names(row)
        for hf in row.hf
    }
    return found or {layer}


def _layer_names(row: Row) -> set[str]:
    names = (row.mcore, row.newer)
    return {name.removesuffix(_WEIGHT).rpartition(".")[2] for name in names if name}


def _rows(row: Row, targets: Collection[str]) -> Iterator[Row]:
    paths = {layer_path(name) for name in (row.mcore, row.newer) if name}
    if not row.mcore.endswith(_WEIGHT) or not paths & set(targets):
        return
    # With --mla-mm-split one HuggingFace weight is in two layers, each with an adapter of its own.
    if row.layout == MM_SPLIT or any(len(hf.dims) != 2 for hf in row.hf):
        return
    columns = row.rule == "columns"
    down = tuple(Hf(_named(hf.name, DOWN), (_RANK, hf.dims[1])) for hf in row.hf)
    up = tuple(Hf(_named(hf.name, UP), (hf.dims[0], _RANK)) for hf in row.hf)
    yield _renamed(row, DOWN, down, "columns" if columns else shared.__name__)
    yield _renamed(row, UP, up, "replicate" if columns else row.rule)


def _named(hf_name: str, end: str) -> str:
    return PEFT_PREFIX + hf_name.removesuffix(_WEIGHT) + end


def _renamed(row: Row, end: str, hf: tuple[Hf, ...], new_rule: str) -> Row:
    def name(old: str) -> str:
        return old.removesuffix(_WEIGHT) + end if old else old

    return replace(
        row, mcore=name(row.mcore), te="", newer=name(row.newer), hf=hf, rule=new_rule,
        keep_dtype=False,
    )  # fmt: skip
