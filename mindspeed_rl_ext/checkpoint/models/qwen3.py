"""Qwen3 (dense): data only. Norms on query and key; head_dim is its own number."""

from __future__ import annotations

from mindspeed_rl_ext.checkpoint.mapping.spec import ModelSpec
from mindspeed_rl_ext.checkpoint.mapping.windows import upper_layers
from mindspeed_rl_ext.checkpoint.models.dense import DENSE_OPTIONS, DENSE_ROWS

SPEC = ModelSpec(
    name="qwen3",
    model_types=("qwen3",),
    rows=DENSE_ROWS,
    options={
        **DENSE_OPTIONS,
        "qkv_bias": "attention_bias",
        "dense_bias": "attention_bias",
        "qk_layernorm": True,
    },
    windows=upper_layers,
)
