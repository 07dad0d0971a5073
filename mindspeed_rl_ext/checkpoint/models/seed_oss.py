"""Seed-OSS (dense): data only. Biases of query, key and value; head_dim is its own number."""

from __future__ import annotations

from mindspeed_rl_ext.checkpoint.mapping.spec import ModelSpec
from mindspeed_rl_ext.checkpoint.models.dense import DENSE_OPTIONS, DENSE_ROWS

SPEC = ModelSpec(
    name="seed_oss",
    model_types=("seed_oss",),
    aliases=("seed-oss",),
    rows=DENSE_ROWS,
    options={
        **DENSE_OPTIONS,
        "qkv_bias": "attention_bias",
        "dense_bias": "attention_out_bias",
    },
    defaults={"attention_bias": True},
    refused={"mlp_bias": "biases in the MLP"},
)
