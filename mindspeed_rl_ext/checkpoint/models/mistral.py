"""Mistral, Mistral-Nemo and Magistral (dense): data only."""

from __future__ import annotations

from mindspeed_rl_ext.checkpoint.mapping.spec import ModelSpec
from mindspeed_rl_ext.checkpoint.mapping.windows import all_layers
from mindspeed_rl_ext.checkpoint.models.dense import DENSE_OPTIONS, DENSE_ROWS

SPEC = ModelSpec(
    name="mistral",
    model_types=("mistral",),
    aliases=("mistral-nemo", "magistral"),
    rows=DENSE_ROWS,
    options=DENSE_OPTIONS,
    defaults={"sliding_window": 4096, "num_key_value_heads": 8},
    windows=all_layers,
)
