"""DeepSeek-V2 and V2-Lite: data only. The first layers are dense; Lite has no query rank."""

from __future__ import annotations

from mindspeed_rl_ext.checkpoint.mapping.spec import REQUIRED, ModelSpec, Sparse
from mindspeed_rl_ext.checkpoint.models.dense import (
    EMBEDDING_ROWS,
    END_ROWS,
    MLP_ROWS,
)
from mindspeed_rl_ext.checkpoint.models.experts import routed, shared
from mindspeed_rl_ext.checkpoint.models.mla import MLA_KEYS, MLA_ROWS

DEEPSEEK_ROWS = (
    *EMBEDDING_ROWS,
    *MLA_ROWS,
    *MLP_ROWS,
    *routed(),
    *shared("shared_experts"),
    *END_ROWS,
)
DEEPSEEK_KEYS = {**MLA_KEYS, "experts": "n_routed_experts", "moe_ffn": "moe_intermediate_size"}
DEEPSEEK_OPTIONAL = {"q_rank": "q_lora_rank", "shared": "n_shared_experts"}
DEEPSEEK_SPARSE = Sparse(first_dense="first_k_dense_replace", every="moe_layer_freq")

SPEC = ModelSpec(
    name="deepseek2",
    model_types=("deepseek_v2",),
    aliases=("deepseek2-lite", "deepseek_v2", "deepseek2_lite"),
    rows=DEEPSEEK_ROWS,
    options={"q_rank": "q_lora_rank", "shared_experts": "n_shared_experts"},
    refused={"attention_bias": "biases of latent attention"},
    config_keys=DEEPSEEK_KEYS,
    optional_keys=DEEPSEEK_OPTIONAL,
    sparse=DEEPSEEK_SPARSE,
    defaults={"norm_topk_prob": False, "routed_scaling_factor": 1.0},
    required={**REQUIRED, "scoring_func": ("softmax",)},
    mla=True,
)
