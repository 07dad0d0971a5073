"""The table's rows of multi-token-prediction layers, which follow the other layers.

Covers: what such a layer has beside a decoder layer; the names of the hosts and of Megatron core.
Does not cover: the decoder layer in it: its rows are those of the family.
"""

from __future__ import annotations

from mindspeed_rl_ext.checkpoint.mapping.spec import (
    CORE,
    FINAL_NORM,
    HOST_MTP,
    PREDICTION,
    Hf,
    Row,
)
from mindspeed_rl_ext.checkpoint.models.dense import HF

_AT = "mtp.layers.{layer}."
_NORM = Hf("model.norm.weight", ("hidden",))
_SHARED_NORM = Hf(HF + "shared_head.norm.weight", ("hidden",))

PREDICTION_ROWS = (
    Row(_AT + "enorm.weight", (Hf(HF + "enorm.weight", ("hidden",)),), "replicate", PREDICTION),
    Row(_AT + "hnorm.weight", (Hf(HF + "hnorm.weight", ("hidden",)),), "replicate", PREDICTION),
    Row(
        _AT + "eh_proj.weight",
        (Hf(HF + "eh_proj.weight", ("hidden", "2*hidden")),),
        "rows",
        PREDICTION,
    ),
    Row(
        "mtp.final_layernorms.{layer}.weight",
        (_SHARED_NORM,),
        "replicate",
        PREDICTION,
        not_layout=CORE,
    ),
    Row(_AT + "final_layernorm.weight", (_SHARED_NORM,), "replicate", PREDICTION, layout=CORE),
    Row(
        "embedding.word_embeddings.weight",
        (Hf(HF + "embed_tokens.weight", ("vocab", "hidden"), "model.embed_tokens.weight"),),
        "vocab_rows",
        PREDICTION,
    ),
    # Megatron has no copy of the output layer.
    Row(
        "",
        (Hf(HF + "shared_head.head.weight", ("vocab", "hidden"), "lm_head.weight"),),
        "vocab_rows",
        PREDICTION,
    ),
)
# With prediction layers the hosts hold the final norm under another name.
FINAL_NORM_ROWS = (
    Row("decoder.final_layernorm.weight", (_NORM,), "replicate", FINAL_NORM, not_layout=HOST_MTP),
    Row("final_layernorm.weight", (_NORM,), "replicate", FINAL_NORM, layout=HOST_MTP),
)
