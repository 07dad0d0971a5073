"""MiniMax-M2: data only. Every layer has experts; norms over all heads of query and of key."""

from __future__ import annotations

from mindspeed_rl_ext.checkpoint.mapping.spec import MOE, REQUIRED, Hf, ModelSpec, Row, Sparse
from mindspeed_rl_ext.checkpoint.models.dense import (
    ATTENTION_ROWS,
    DENSE_OPTIONS,
    EMBEDDING_ROWS,
    END_ROWS,
    HF,
    INPUT_NORM_ROWS,
    MCORE,
)
from mindspeed_rl_ext.checkpoint.models.experts import routed

_NORM_ROWS = tuple(
    Row(
        MCORE + f"self_attention.{part}_layernorm.weight",
        (Hf(HF + f"self_attn.{part}_norm.weight", (width,)),),
        "replicate",
        option="qk_layernorm",
    )
    for part, width in (("q", "q"), ("k", "kv"))
)
_ROUTER_BIAS = Row(
    MCORE + "mlp.router.expert_bias",
    (Hf(HF + "block_sparse_moe.e_score_correction_bias", ("experts",)),),
    "replicate",
    mlp=MOE,
    keep_dtype=True,
)

SPEC = ModelSpec(
    name="minimax_m2",
    model_types=("minimax_m2",),
    aliases=("minimax-m2",),
    rows=(
        *EMBEDDING_ROWS,
        *INPUT_NORM_ROWS,
        *ATTENTION_ROWS,
        *_NORM_ROWS,
        *routed("block_sparse_moe", "w1", "w3", "w2"),
        _ROUTER_BIAS,
        *END_ROWS,
    ),
    options={**DENSE_OPTIONS, "qk_layernorm": "use_qk_norm", "router_bias": True},
    config_keys={"experts": "num_local_experts", "moe_ffn": "intermediate_size"},
    sparse=Sparse(),
    defaults={"num_experts_per_tok": 8, "rope_theta": 5e6, "use_qk_norm": True},
    required={**REQUIRED, "scoring_func": ("sigmoid",)},
)
