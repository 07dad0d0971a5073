"""Qwen3-MoE, such as Qwen3-30B-A3B: data only. Norms on query and key; no shared expert."""

from __future__ import annotations

from mindspeed_rl_ext.checkpoint.mapping.spec import ModelSpec, Sparse
from mindspeed_rl_ext.checkpoint.mapping.windows import all_layers
from mindspeed_rl_ext.checkpoint.models.dense import DECODER_ROWS, DENSE_OPTIONS, END_ROWS, MLP_ROWS
from mindspeed_rl_ext.checkpoint.models.experts import routed

SPEC = ModelSpec(
    name="qwen3_moe",
    model_types=("qwen3_moe",),
    aliases=("qwen3-moe",),
    rows=(*DECODER_ROWS, *MLP_ROWS, *routed(), *END_ROWS),
    options={
        **DENSE_OPTIONS,
        "qkv_bias": "attention_bias",
        "dense_bias": "attention_bias",
        "qk_layernorm": True,
    },
    config_keys={"experts": "num_experts|num_local_experts", "moe_ffn": "moe_intermediate_size"},
    sparse=Sparse(every="decoder_sparse_step", every_offset=1, dense_layers="mlp_only_layers"),
    defaults={"norm_topk_prob": False, "num_experts_per_tok": 8, "use_sliding_window": False},
    windows=all_layers,
)
