"""DeepSeek-V3, R1 and Kimi-K2: data only. A bias of the router; a multi-token-prediction layer."""

from __future__ import annotations

from mindspeed_rl_ext.checkpoint.mapping.spec import REQUIRED, ModelSpec
from mindspeed_rl_ext.checkpoint.models.deepseek2 import (
    DEEPSEEK_KEYS,
    DEEPSEEK_OPTIONAL,
    DEEPSEEK_ROWS,
    DEEPSEEK_SPARSE,
)
from mindspeed_rl_ext.checkpoint.models.experts import ROUTER_BIAS_ROWS
from mindspeed_rl_ext.checkpoint.models.prediction import FINAL_NORM_ROWS, PREDICTION_ROWS

SPEC = ModelSpec(
    name="deepseek3",
    model_types=("deepseek_v3", "kimi_k2"),
    aliases=("deepseek_v3", "deepseek-r1", "kimi-k2", "kimi_k2"),
    rows=(
        *DEEPSEEK_ROWS[:-2],
        *ROUTER_BIAS_ROWS,
        *PREDICTION_ROWS,
        *FINAL_NORM_ROWS,
        DEEPSEEK_ROWS[-1],
    ),
    options={"q_rank": "q_lora_rank", "shared_experts": "n_shared_experts", "router_bias": True},
    refused={"attention_bias": "biases of latent attention"},
    config_keys=DEEPSEEK_KEYS,
    optional_keys=DEEPSEEK_OPTIONAL,
    sparse=DEEPSEEK_SPARSE,
    mtp_key="num_nextn_predict_layers",
    defaults={
        "n_group": 8,
        "num_experts_per_tok": 8,
        "routed_scaling_factor": 2.5,
        "topk_group": 4,
    },
    required={
        **REQUIRED,
        "rope_interleave": (True,),
        "scoring_func": ("sigmoid",),
        "topk_method": ("noaux_tc",),
    },
    mla=True,
)
