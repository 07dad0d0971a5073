"""Gemma 2 (dense): data only. A norm behind the attention and one behind the MLP as well."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mindspeed_rl_ext.checkpoint.mapping.spec import DENSE, Hf, ModelSpec, Row
from mindspeed_rl_ext.checkpoint.mapping.windows import alternate_layers
from mindspeed_rl_ext.checkpoint.models.dense import (
    DENSE_OPTIONS,
    DENSE_ROWS,
    HF,
    MCORE,
    replace_rows,
)


def _args_of(config: Mapping[str, Any]) -> dict[str, Any]:
    """The numbers of attention and output, by the names of MindSpeed-LLM."""
    # The hosts' windows are those of every second layer, the first among them.
    count = int(config["num_hidden_layers"])
    alternate = alternate_layers(config, count) == alternate_layers({}, count)
    return {
        "query_pre_attn_scalar": config.get("query_pre_attn_scalar"),
        "attn_logit_softcapping": config.get("attn_logit_softcapping"),
        "output_logit_softcapping": config.get("final_logit_softcapping"),
        "interleave_sliding_window": config.get("sliding_window") if alternate else None,
    }


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
    args={
        "post_norm": True,
        "swiglu": False,
        "gelu_tanh": True,
        "add_rmsnorm_offset": True,
        "input_embeds_norm": True,
    },
    args_of=_args_of,
    defaults={
        "attn_logit_softcapping": 50.0,
        "final_logit_softcapping": 30.0,
        "head_dim": 256,
        "query_pre_attn_scalar": 256,
        "sliding_window": 4096,
        "tie_word_embeddings": True,
    },
    required={"hidden_activation": ("gelu_pytorch_tanh",)},
    windows=alternate_layers,
)
