"""Qwen1.5-MoE and Qwen2-MoE: data only. A shared expert with a gate; some layers may be dense."""

from __future__ import annotations

from mindspeed_rl_ext.checkpoint.mapping.spec import MOE, Hf, ModelSpec, Row, Sparse
from mindspeed_rl_ext.checkpoint.mapping.windows import lower_alternate_layers
from mindspeed_rl_ext.checkpoint.models.dense import (
    DECODER_ROWS,
    DENSE_OPTIONS,
    END_ROWS,
    HF,
    MCORE,
    MLP_ROWS,
)
from mindspeed_rl_ext.checkpoint.models.experts import routed, shared

_GATE = Row(
    MCORE + "mlp.shared_expert_gate.weight",
    (Hf(HF + "mlp.shared_expert_gate.weight", ("1", "hidden")),),
    "replicate",
    newer=MCORE + "mlp.shared_experts.gate_weight",
    mlp=MOE,
)

SPEC = ModelSpec(
    name="qwen2_moe",
    model_types=("qwen2_moe",),
    aliases=("qwen2-moe", "qwen-moe"),
    rows=(*DECODER_ROWS, *MLP_ROWS, *routed(), *shared("shared_expert"), _GATE, *END_ROWS),
    options={
        **DENSE_OPTIONS,
        "qkv_bias": "qkv_bias",
        "shared_experts": True,
        "shared_gate": True,
    },
    config_keys={
        "experts": "num_experts|num_local_experts",
        "moe_ffn": "moe_intermediate_size",
        "shared_ffn": "shared_expert_intermediate_size",
    },
    sparse=Sparse(every="decoder_sparse_step", every_offset=1, dense_layers="mlp_only_layers"),
    defaults={"qkv_bias": True, "norm_topk_prob": False, "num_experts_per_tok": 4},
    windows=lower_alternate_layers,
)
