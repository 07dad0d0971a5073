"""gpt-oss: attention sinks, biases everywhere, packed experts whose gate and up rows alternate.

Covers: the bf16 form that transformers saves, and MXFP4 as it is published, which is dequantised;
Megatron core's names, which Megatron-Bridge has too.
Does not cover: writing MXFP4; MindSpeed-LLM's names: it trains gpt-oss with FSDP2 only.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from mindspeed_rl_ext.checkpoint.mapping.rules import packed
from mindspeed_rl_ext.checkpoint.mapping.spec import (
    BUFFERS,
    CUT_EXPERTS,
    HOSTS,
    MOE,
    REQUIRED,
    Hf,
    ModelSpec,
    Packed,
    Row,
    Sparse,
)
from mindspeed_rl_ext.checkpoint.mapping.windows import alternate_layers
from mindspeed_rl_ext.checkpoint.models.dense import (
    DECODER_ROWS,
    DENSE_OPTIONS,
    END_ROWS,
    HF,
    MCORE,
)
from mindspeed_rl_ext.checkpoint.models.experts import routed

_EXPERTS, _LOCAL = HF + "mlp.experts.", MCORE + "mlp.experts.local_experts.{expert}."
_EXPERT = _EXPERTS + "{expert}."
# Rows of experts and router that other families have; gpt-oss calls the router otherwise.
_ROUTED = [
    replace(row, hf=(Hf(HF + "mlp.router.weight", ("experts", "hidden")),))
    if row.mcore == MCORE + "mlp.router.weight"
    else row
    for row in routed()
]
_BIASES = (
    Row(
        MCORE + "mlp.router.bias",
        (Hf(HF + "mlp.router.bias", ("experts",)),),
        "replicate",
        mlp=MOE,
    ),
    Row(
        _LOCAL + "linear_fc1.bias",
        (
            Hf(_EXPERT + "gate_proj.bias", ("moe_ffn",)),
            Hf(_EXPERT + "up_proj.bias", ("moe_ffn",)),
        ),
        "gate_up",
        mlp=MOE,
        grouped_te=MCORE + "mlp.experts.linear_fc1.bias{expert}",
    ),
    Row(
        _LOCAL + "linear_fc2.bias",
        (Hf(_EXPERT + "down_proj.bias", ("hidden",)),),
        "replicate",
        mlp=MOE,
        grouped_te=MCORE + "mlp.experts.linear_fc2.bias{expert}",
    ),
)
_SINKS = Row(
    MCORE + "self_attention.core_attention.softmax_offset",
    (Hf(HF + "self_attn.sinks", ("heads",)),),
    "rows",
)


def _gate_up(end: str) -> tuple[str, ...]:
    return (f"{_EXPERT}gate_proj.{end}", f"{_EXPERT}up_proj.{end}")


_COLUMNS, _ALTERNATING = (
    packed.experts_columns.__name__,
    packed.experts_alternating_columns.__name__,
)
_PACKED = (
    Packed(
        _EXPERTS + "gate_up_proj",
        _gate_up("weight"),
        _ALTERNATING,
        quantized=packed.experts_alternating_rows.__name__,
    ),
    Packed(_EXPERTS + "gate_up_proj_bias", _gate_up("bias"), _ALTERNATING),
    Packed(
        _EXPERTS + "down_proj",
        (f"{_EXPERT}down_proj.weight",),
        _COLUMNS,
        quantized=packed.experts_rows.__name__,
    ),
    Packed(_EXPERTS + "down_proj_bias", (f"{_EXPERT}down_proj.bias",), _COLUMNS),
)


def _args_of(config: Mapping[str, Any]) -> dict[str, Any]:
    """The bound of the activation, which only config.json says."""
    return {"activation_func_clamp_value": float(config.get("swiglu_limit", 7.0))}


SPEC = ModelSpec(
    name="gpt_oss",
    model_types=("gpt_oss",),
    aliases=("gpt-oss", "gpt-oss-20b", "gpt-oss-120b"),
    rows=(*DECODER_ROWS, _SINKS, *_ROUTED, *_BIASES, *END_ROWS),
    options={
        **DENSE_OPTIONS,
        "qkv_bias": "attention_bias",
        "dense_bias": "attention_bias",
    },
    config_keys={
        "experts": "num_local_experts|num_experts",
        "moe_ffn": "intermediate_size",
    },
    sparse=Sparse(),
    packed=_PACKED,
    defaults={
        "attention_bias": True,
        "num_experts_per_tok": 4,
        "rms_norm_eps": 1e-5,
        "rope_theta": 150000.0,
        "sliding_window": 128,
    },
    required={**REQUIRED, "swiglu_alpha": (1.702,)},
    windows=alternate_layers,
    args={
        "add_bias_linear": True,
        "swiglu": False,
        "quick_geglu": True,
        "glu_linear_offset": 1.0,
        "softmax_type": "learnable",
    },
    args_of=_args_of,
    refused_layouts={
        HOSTS: "MindSpeed-LLM trains it with FSDP2, from and into HuggingFace's names",
        BUFFERS: "the buffers have no place for the experts' biases",
        CUT_EXPERTS: "Megatron core has biases of experts only where TP does not cut them",
    },
)
