"""Qwen2, Qwen2.5, Qwen2.5-Math (dense): data only."""

from __future__ import annotations

from mindspeed_rl_ext.checkpoint.mapping.spec import ModelSpec
from mindspeed_rl_ext.checkpoint.mapping.windows import upper_layers
from mindspeed_rl_ext.checkpoint.models.dense import DENSE_OPTIONS, DENSE_ROWS

SPEC = ModelSpec(
    name="qwen2",
    model_types=("qwen2",),
    aliases=("qwen25", "qwen2.5", "qwen25_math", "qwen25-math", "qwen2-math"),
    rows=DENSE_ROWS,
    options={**DENSE_OPTIONS, "qkv_bias": True},
    windows=upper_layers,
)
