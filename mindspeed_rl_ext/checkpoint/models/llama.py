"""Llama 2 and 3 (dense): data only. Biases of the MLP are refused."""

from __future__ import annotations

from mindspeed_rl_ext.checkpoint.mapping.spec import ModelSpec
from mindspeed_rl_ext.checkpoint.models.dense import DENSE_OPTIONS, DENSE_ROWS

SPEC = ModelSpec(
    name="llama",
    model_types=("llama",),
    aliases=("llama2", "llama3"),
    rows=DENSE_ROWS,
    options={**DENSE_OPTIONS, "qkv_bias": "attention_bias", "dense_bias": "attention_bias"},
    refused={"mlp_bias": "biases in the MLP"},
)
