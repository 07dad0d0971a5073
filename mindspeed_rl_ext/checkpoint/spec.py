"""What a model file says: a table of tensors, and where the sizes stand in config.json.

Covers: the types of that data. A model file in `models/` is one `SPEC` made of them.
Does not cover: what a rule does; `rules` holds the functions that the table names.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

EMBEDDING, LAYER, FINAL_NORM, HEAD = "embedding", "layer", "final_norm", "head"

# Size -> key of config.json; a model file replaces single rows.
CONFIG_KEYS: Mapping[str, str] = {
    "layers": "num_hidden_layers",
    "hidden": "hidden_size",
    "heads": "num_attention_heads",
    "groups": "num_key_value_heads",
    "head_dim": "head_dim",
    "ffn": "intermediate_size",
    "vocab": "vocab_size",
}


@dataclass(frozen=True)
class Hf:
    """One HuggingFace tensor.

    Args:
        name: with `{layer}` for the layer number.
        dims: names of its dimensions: hidden, q, kv, ffn, vocab, head_dim.
    """

    name: str
    dims: tuple[str, ...]


@dataclass(frozen=True)
class Row:
    """One Megatron-core tensor and the HuggingFace tensors that it is made of.

    Args:
        mcore: its name, with `{layer}` for the layer's index in its chunk.
        hf: the tensors that the rule takes, in the rule's order.
        rule: a name in `rules.RULES`.
        place: EMBEDDING, LAYER, FINAL_NORM or HEAD.
        te: the name under `--transformer-impl transformer_engine`, where it differs.
        option: the row exists only in models that have this option; "" for all.
    """

    mcore: str
    hf: tuple[Hf, ...]
    rule: str
    place: str = LAYER
    te: str = ""
    option: str = ""

    def name(self, transformer_impl: str) -> str:
        """The Megatron-core name under that implementation."""
        return self.te if self.te and transformer_impl == "transformer_engine" else self.mcore


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
        config_keys: rows that differ from CONFIG_KEYS.
        ignored: patterns of HuggingFace tensors that hold no weights.
        tied_by_default: what an absent tie_word_embeddings means.
    """

    name: str
    model_types: tuple[str, ...]
    rows: tuple[Row, ...]
    aliases: tuple[str, ...] = ()
    options: Mapping[str, bool | str] = field(default_factory=dict)
    refused: Mapping[str, str] = field(default_factory=dict)
    config_keys: Mapping[str, str] = field(default_factory=dict)
    ignored: tuple[str, ...] = ("*.rotary_emb.inv_freq",)
    tied_by_default: bool = False
