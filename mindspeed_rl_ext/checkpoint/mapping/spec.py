"""What a model file says: a table of tensors, and where the sizes stand in config.json.

Covers: the types of that data. A model file in `models/` is one `SPEC` made of them.
Does not cover: what a rule does; `rules` holds the functions that the table names.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from mindspeed_rl_ext.checkpoint.mapping.windows import Windows, no_layers

EMBEDDING, LAYER, FINAL_NORM, HEAD = "embedding", "layer", "final_norm", "head"
# A multi-token-prediction layer: what it has beside the rows of a layer.
PREDICTION = "prediction"
# What some layouts have, and rows ask for.
CORE, HOST_MTP, MM_SPLIT, TP = "core", "host_mtp", "mm_split", "tp"
# Layouts with the names of hosts; with one buffer for all experts of a rank; whose TP cuts experts.
HOSTS, BUFFERS, CUT_EXPERTS = "hosts", "buffers", "cut_experts"
# Each rank holds the downward projections of latent attention whole, where CORE would cut them.
WHOLE_DOWN = "whole_down"
# Rank files with the names of layers that are not transformer_engine's.
LOCAL = "local"
DENSE, MOE = "dense", "moe"
FULL, LINEAR = "full", "linear"

# Size -> key of config.json, or keys with | between; a model file replaces or adds single rows.
CONFIG_KEYS: Mapping[str, str] = {
    "layers": "num_hidden_layers",
    "hidden": "hidden_size",
    "heads": "num_attention_heads",
    "groups": "num_key_value_heads",
    "head_dim": "head_dim",
    "ffn": "intermediate_size",
    "vocab": "vocab_size",
}
# What the gated MLP of most families is.
REQUIRED: Mapping[str, tuple[Any, ...]] = {"hidden_act": ("silu", "swish")}


@dataclass(frozen=True)
class Hf:
    """One HuggingFace tensor.

    Args:
        name: with `{layer}` for the layer number, `{expert}` for the expert's.
        dims: its dimensions; `Sizes.shape` says how they are written.
        copy_of: the tensor that it repeats; a model may lack the copy.
    """

    name: str
    dims: tuple[str, ...]
    copy_of: str = ""


@dataclass(frozen=True)
class Row:
    """One Megatron-core tensor and the HuggingFace tensors that it is made of.

    Args:
        mcore: its name, with `{layer}` for the layer's index in its chunk and `{expert}` for the
            expert's index on its rank; "" where Megatron has no such tensor.
        hf: the tensors that the rule takes, in the rule's order.
        rule: the name of a declared rule; see `rules.rule`.
        place: EMBEDDING, LAYER, FINAL_NORM, HEAD or PREDICTION.
        te: the name under `--transformer-impl transformer_engine`, where it differs.
        newer: the name under `--mcore-dialect 0.12`, where it differs.
        option: the row exists only in models that have this option; "" for all.
        without: the row exists only in models that lack this option.
        layout: the row exists only in layouts of this kind (CORE, HOST_MTP, MM_SPLIT, ...).
        not_layout: the row exists only in other layouts.
        mlp: DENSE or MOE where only layers of that kind have it; "" for all.
        attention: FULL or LINEAR where only layers of that kind have it; "" for all.
        grouped: the tensor that holds all experts of a rank under `--moe-grouped-gemm`.
        grouped_te: its name for one expert of it under transformer_engine.
        grouped_rule: the rule of `grouped`.
        keep_dtype: `--params-dtype` does not change it.
    """

    mcore: str
    hf: tuple[Hf, ...]
    rule: str
    place: str = LAYER
    te: str = ""
    newer: str = ""
    option: str = ""
    without: str = ""
    layout: str = ""
    not_layout: str = ""
    mlp: str = ""
    attention: str = ""
    grouped: str = ""
    grouped_te: str = ""
    grouped_rule: str = ""
    keep_dtype: bool = False

    @property
    def per_expert(self) -> bool:
        """Each expert has its own."""
        return bool(self.grouped or self.grouped_te)


@dataclass(frozen=True)
class Packed:
    """A HuggingFace tensor that holds what the table has for each expert of a layer.

    Args:
        name: its name, with `{layer}`.
        of: the table's names of what it holds of an expert, in the rule's order.
        rule: the rule that packs them.
        quantized: the rule that packs them in the quantised form, where that is another.
        written: models that are written have it; otherwise it is only read.
    """

    name: str
    of: tuple[str, ...]
    rule: str
    quantized: str = ""
    written: bool = True


@dataclass(frozen=True)
class Sparse:
    """Which layers have experts, as keys of config.json; layers count from 0.

    Args:
        first_dense: so many layers at the start have none.
        every: only each n-th layer has experts.
        every_offset: layer + offset must be a multiple of n.
        dense_layers: a list of layers that have none.
    """

    first_dense: str = ""
    every: str = ""
    every_offset: int = 0
    dense_layers: str = ""


@dataclass(frozen=True)
class Linear:
    """Which layers have linear attention, as keys of config.json.

    Args:
        types: a list with the kind of each layer, which goes first.
        kind: the value in that list that means linear attention.
        every: each n-th layer has full attention, the others linear.
        default: n where config.json has neither key.
    """

    types: str = "layer_types"
    kind: str = "linear_attention"
    every: str = "full_attention_interval"
    default: int = 4


@dataclass(frozen=True)
class ModelSpec:
    """One model family.

    Args:
        name: the name that `--model-type-hf` takes.
        model_types: values of `model_type` in config.json that mean it.
        aliases: other names that hosts use for it.
        rows: the table of tensors.
        options: option -> True or False, or the key of config.json that says.
        refused: key of config.json -> what is not converted when that key is set.
        config_keys: rows that differ from CONFIG_KEYS or add to it.
        optional_keys: sizes that may be absent or null, which is 0.
        sparse: which layers have experts; None for a dense model.
        linear: which layers have linear attention; None where none has.
        mtp_key: key of config.json with the number of multi-token-prediction layers.
        mtp_names: how the names of such a layer begin, with `{layer}` counted from 0, where they
            do not go on from the other layers; their names then say how many there are.
        refused_layouts: kind of layout (CORE, HOSTS, TP, ...) -> why it is not written or read.
            Where HOSTS are refused, the names of core are used unless others are asked for.
        mla: attention is multi-head latent attention.
        ignored: patterns of HuggingFace tensors that hold no weights.
        args: what Megatron's args have otherwise than for a Llama.
        args_of: the same, where it follows from config.json.
        packed: tensors that HuggingFace has in place of those of experts.
        defaults: key of config.json -> what its absence means, where that is not what most
            families mean.
        required: key of config.json -> its values that Megatron's model has; absent is one.
        windows: which layers attend to a sliding window where config.json has one.
    """

    name: str
    model_types: tuple[str, ...]
    rows: tuple[Row, ...]
    aliases: tuple[str, ...] = ()
    options: Mapping[str, bool | str] = field(default_factory=dict)
    refused: Mapping[str, str] = field(default_factory=dict)
    config_keys: Mapping[str, str] = field(default_factory=dict)
    optional_keys: Mapping[str, str] = field(default_factory=dict)
    sparse: Sparse | None = None
    linear: Linear | None = None
    mtp_key: str = ""
    mtp_names: str = ""
    refused_layouts: Mapping[str, str] = field(default_factory=dict)
    mla: bool = False
    ignored: tuple[str, ...] = ("*.rotary_emb.inv_freq",)
    args: Mapping[str, Any] = field(default_factory=dict)
    args_of: Callable[[Mapping[str, Any]], Mapping[str, Any]] = lambda config: {}
    packed: tuple[Packed, ...] = ()
    defaults: Mapping[str, Any] = field(default_factory=dict)
    required: Mapping[str, tuple[Any, ...]] = field(default_factory=lambda: REQUIRED)
    windows: Windows = no_layers
