"""Gemma 2 (dense): data only. A norm behind the attention and one behind the MLP as well."""

from __future__ import annotations

from mindspeed_rl_ext.checkpoint.mapping.spec import DENSE, Hf, ModelSpec, Row
from mindspeed_rl_ext.checkpoint.models.dense import (
    DENSE_OPTIONS,
    DENSE_ROWS,
    HF,
    MCORE,
    replace_rows,
)

SPEC = ModelSpec(
    name="gemma2",
    model_types=("gemma2",),
    rows=(
        *replace_rows(
            DENSE_ROWS,
            Row(
                MCORE + "pre_mlp_layernorm.weight",
                (Hf(HF + "pre_feedforward_layernorm.weight", ("hidden",)),),
                "replicate",
                te=MCORE + "mlp.linear_fc1.layer_norm_weight",
                mlp=DENSE,
            ),
        ),
        Row(
            MCORE + "post_attn_norm.weight",
            (Hf(HF + "post_attention_layernorm.weight", ("hidden",)),),
            "replicate",
        ),
        Row(
            MCORE + "post_mlp_layernorm.weight",
            (Hf(HF + "post_feedforward_layernorm.weight", ("hidden",)),),
            "replicate",
        ),
    ),
    options={**DENSE_OPTIONS, "qkv_bias": "attention_bias", "dense_bias": "attention_bias"},
    tied_by_default=True,
    args={"post_norm": True, "swiglu": False, "geglu": True},
)
