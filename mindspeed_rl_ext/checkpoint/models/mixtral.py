"""Mixtral: data only. Every layer has experts; their width is intermediate_size."""

from __future__ import annotations

from mindspeed_rl_ext.checkpoint.mapping.spec import ModelSpec, Sparse
from mindspeed_rl_ext.checkpoint.mapping.windows import all_layers
from mindspeed_rl_ext.checkpoint.models.dense import DECODER_ROWS, DENSE_OPTIONS, END_ROWS
from mindspeed_rl_ext.checkpoint.models.experts import routed

SPEC = ModelSpec(
    name="mixtral",
    model_types=("mixtral",),
    rows=(*DECODER_ROWS, *routed("block_sparse_moe", "w1", "w3", "w2"), *END_ROWS),
    options=DENSE_OPTIONS,
    config_keys={"experts": "num_local_experts", "moe_ffn": "intermediate_size"},
    sparse=Sparse(),
    defaults={
        "num_experts_per_tok": 2,
        "num_key_value_heads": 8,
        "rms_norm_eps": 1e-5,
        "rope_theta": 1e6,
    },
    windows=all_layers,
)
