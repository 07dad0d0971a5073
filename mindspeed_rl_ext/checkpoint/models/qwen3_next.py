"""Qwen3-Next: linear attention (gated delta net) in most layers, gated attention in each fourth.

Covers: experts and a shared expert with a gate in every layer; the prediction layer, whose tensors
have names of their own; Megatron's names as MindSpeed-LLM 2.2 and newer have them.
Does not cover: TP of linear attention, which these hosts do not have; the names of Megatron core.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from mindspeed_rl_ext.checkpoint.mapping.rope import rotary_percent
from mindspeed_rl_ext.checkpoint.mapping.spec import (
    CORE,
    FULL,
    LINEAR,
    MOE,
    TP,
    Hf,
    Linear,
    ModelSpec,
    Row,
    Sparse,
)
from mindspeed_rl_ext.checkpoint.models.dense import (
    DENSE_OPTIONS,
    EMBEDDING_ROWS,
    END_ROWS,
    HF,
    MCORE,
    MLP_ROWS,
)
from mindspeed_rl_ext.checkpoint.models.experts import routed, shared
from mindspeed_rl_ext.checkpoint.models.prediction import FINAL_NORM_ROWS, PREDICTION_ROWS

_AT, _FULL, _LINEAR = MCORE + "self_attention.", HF + "self_attn.", HF + "linear_attn."
# Name in Megatron, name in HuggingFace, dimensions; hosts keep query, key and value apart.
_FULL_TENSORS = (
    ("q_proj.weight", "q_proj.weight", ("2*q", "hidden")),
    ("k_proj.weight", "k_proj.weight", ("kv", "hidden")),
    ("v_proj.weight", "v_proj.weight", ("kv", "hidden")),
    ("linear_proj.weight", "o_proj.weight", ("hidden", "q")),
    ("q_layernorm.weight", "q_norm.weight", ("head_dim",)),
    ("k_layernorm.weight", "k_norm.weight", ("head_dim",)),
)
_KEY, _VALUE = "key_heads*key_dim", "value_heads*value_dim"
_LINEAR_TENSORS = (
    ("A_log", ("value_heads",)),
    ("dt_bias", ("value_heads",)),
    ("conv1d.weight", (f"2*{_KEY}+{_VALUE}", "1", "kernel")),
    ("in_proj_qkvz.weight", (f"2*{_KEY}+2*{_VALUE}", "hidden")),
    ("in_proj_ba.weight", ("2*value_heads", "hidden")),
    ("norm.weight", ("value_dim",)),
    ("out_proj.weight", ("hidden", _VALUE)),
)
_ATTENTION_ROWS = (
    Row(
        MCORE + "input_layernorm.weight",
        (Hf(HF + "input_layernorm.weight", ("hidden",)),),
        "replicate",
    ),
    *(
        Row(_AT + name, (Hf(_FULL + hf, dims),), "replicate", attention=FULL)
        for name, hf, dims in _FULL_TENSORS
    ),
    *(
        Row(_AT + name, (Hf(_LINEAR + name, dims),), "replicate", attention=LINEAR)
        for name, dims in _LINEAR_TENSORS
    ),
)
SHARED_GATE = Row(
    MCORE + "mlp.shared_experts.gate_weight",
    (Hf(HF + "mlp.shared_expert_gate.weight", ("1", "hidden")),),
    "replicate",
    mlp=MOE,
)
PREDICTION_NAMES = "mtp.layers.{layer}."
_PREDICTION = {
    PREDICTION_NAMES + "enorm.weight": Hf("mtp.pre_fc_norm_embedding.weight", ("hidden",)),
    PREDICTION_NAMES + "hnorm.weight": Hf("mtp.pre_fc_norm_hidden.weight", ("hidden",)),
    PREDICTION_NAMES + "eh_proj.weight": Hf("mtp.fc.weight", ("hidden", "2*hidden")),
    "mtp.final_layernorms.{layer}.weight": Hf("mtp.norm.weight", ("hidden",)),
    PREDICTION_NAMES + "final_layernorm.weight": Hf("mtp.norm.weight", ("hidden",)),
    EMBEDDING_ROWS[0].mcore: EMBEDDING_ROWS[0].hf[0],
}
NEXT_PREDICTION_ROWS = tuple(
    replace(row, hf=(_PREDICTION[row.mcore],))
    for row in PREDICTION_ROWS
    if row.mcore in _PREDICTION
)


def _args_of(config: Mapping[str, Any]) -> dict[str, Any]:
    """The rotated part of a head; the hosts multiply their two options for it."""
    return {"rotary_percent": 1.0, "partial_rotary_factor": rotary_percent(config)}


SPEC = ModelSpec(
    name="qwen3_next",
    model_types=("qwen3_next",),
    aliases=("qwen3-next",),
    rows=(
        *EMBEDDING_ROWS,
        *_ATTENTION_ROWS,
        *MLP_ROWS,
        *routed(),
        *shared("shared_expert"),
        SHARED_GATE,
        *NEXT_PREDICTION_ROWS,
        *FINAL_NORM_ROWS,
        END_ROWS[-1],
    ),
    options={
        **DENSE_OPTIONS,
        "qk_layernorm": True,
        "shared_experts": True,
        "shared_gate": True,
    },
    refused={"attention_bias": "biases of gated attention"},
    config_keys={
        "experts": "num_experts|num_local_experts",
        "moe_ffn": "moe_intermediate_size",
        "shared_ffn": "shared_expert_intermediate_size",
        "key_heads": "linear_num_key_heads",
        "value_heads": "linear_num_value_heads",
        "key_dim": "linear_key_head_dim",
        "value_dim": "linear_value_head_dim",
        "kernel": "linear_conv_kernel_dim",
    },
    sparse=Sparse(every="decoder_sparse_step", every_offset=1, dense_layers="mlp_only_layers"),
    linear=Linear(),
    args_of=_args_of,
    defaults={"num_experts_per_tok": 10, "partial_rotary_factor": 0.25},
    mtp_names=PREDICTION_NAMES,
    refused_layouts={
        TP: "no host cuts its linear attention by TP",
        CORE: "Megatron core keeps one input projection and a norm less one, which is arithmetic",
    },
)
