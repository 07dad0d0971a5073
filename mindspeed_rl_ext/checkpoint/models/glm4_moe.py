"""GLM-4.5 and GLM-4.5-Air: data only. Shared experts, a bias of the router, a prediction layer."""

from __future__ import annotations

from mindspeed_rl_ext.checkpoint.mapping.spec import ModelSpec, Sparse
from mindspeed_rl_ext.checkpoint.models.dense import (
    DECODER_ROWS,
    DENSE_OPTIONS,
    END_ROWS,
    MLP_ROWS,
)
from mindspeed_rl_ext.checkpoint.models.experts import ROUTER_BIAS_ROWS, routed, shared
from mindspeed_rl_ext.checkpoint.models.prediction import FINAL_NORM_ROWS, PREDICTION_ROWS

SPEC = ModelSpec(
    name="glm4_moe",
    model_types=("glm4_moe",),
    aliases=("glm45", "glm45-air", "glm4.5", "glm45-moe"),
    rows=(
        *DECODER_ROWS,
        *MLP_ROWS,
        *routed(),
        *shared("shared_experts"),
        *ROUTER_BIAS_ROWS,
        *PREDICTION_ROWS,
        *FINAL_NORM_ROWS,
        END_ROWS[-1],
    ),
    options={
        **DENSE_OPTIONS,
        "qkv_bias": "attention_bias",
        "qk_layernorm": "use_qk_norm",
        "shared_experts": "n_shared_experts",
        "router_bias": True,
    },
    config_keys={"experts": "n_routed_experts", "moe_ffn": "moe_intermediate_size"},
    optional_keys={"shared": "n_shared_experts"},
    sparse=Sparse(first_dense="first_k_dense_replace"),
    mtp_key="num_nextn_predict_layers",
    defaults={
        "num_experts_per_tok": 8,
        "partial_rotary_factor": 0.5,
        "rms_norm_eps": 1e-5,
        "routed_scaling_factor": 1.0,
    },
)
