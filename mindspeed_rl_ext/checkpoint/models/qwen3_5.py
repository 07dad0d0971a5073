"""Qwen3.5's text model (dense): linear attention, each fourth layer gated attention.

Covers: the names of Megatron core, as Megatron-Bridge has them; the prediction layer. Core keeps
the norm of linear attention less one: a value below a half is rounded once each way in bf16.
Does not cover: vision; MindSpeed-LLM's names, of which there are none.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from mindspeed_rl_ext.checkpoint.mapping.rules import delta
from mindspeed_rl_ext.checkpoint.mapping.spec import (
    FULL,
    HOSTS,
    LINEAR,
    LOCAL,
    Hf,
    Linear,
    ModelSpec,
    Row,
)
from mindspeed_rl_ext.checkpoint.models.dense import (
    DENSE_OPTIONS,
    EMBEDDING_ROWS,
    END_ROWS,
    HF,
    INPUT_NORM_ROWS,
    MCORE,
    MLP_ROWS,
    QK_NORM_ROWS,
)
from mindspeed_rl_ext.checkpoint.models.prediction import FINAL_NORM_ROWS
from mindspeed_rl_ext.checkpoint.models.qwen3_next import NEXT_PREDICTION_ROWS, PREDICTION_NAMES

_AT, _FULL, _LINEAR = MCORE + "self_attention.", HF + "self_attn.", HF + "linear_attn."
_KEY, _VALUE = "key_heads*key_dim", "value_heads*value_dim"
_QKV = f"2*{_KEY}+{_VALUE}"


def _linear(name: str, rule: str, *tensors: tuple[str, tuple[str, ...]]) -> Row:
    """A row of linear attention: Megatron's name, the rule, HuggingFace's names and dimensions."""
    hf = tuple(Hf(_LINEAR + tensor, dims) for tensor, dims in tensors)
    return Row(_AT + name, hf, rule, attention=LINEAR)


ATTENTION_ROWS = (
    *(replace(row, attention=FULL) for row in INPUT_NORM_ROWS),
    *(
        replace(row, attention=LINEAR, te=_AT + "in_proj.layer_norm_weight")
        for row in INPUT_NORM_ROWS
    ),
    Row(
        _AT + "linear_qkv.weight",
        (
            Hf(_FULL + "q_proj.weight", ("2*q", "hidden")),
            Hf(_FULL + "k_proj.weight", ("kv", "hidden")),
            Hf(_FULL + "v_proj.weight", ("kv", "hidden")),
        ),
        delta.gated_qkv.__name__,
        attention=FULL,
    ),
    Row(
        _AT + "linear_proj.weight",
        (Hf(_FULL + "o_proj.weight", ("hidden", "q")),),
        "columns",
        attention=FULL,
    ),
    *(replace(row, attention=FULL) for row in QK_NORM_ROWS),
    _linear(
        "in_proj.weight",
        delta.delta_in_proj.__name__,
        ("in_proj_qkv.weight", (_QKV, "hidden")),
        ("in_proj_z.weight", (_VALUE, "hidden")),
        ("in_proj_b.weight", ("value_heads", "hidden")),
        ("in_proj_a.weight", ("value_heads", "hidden")),
    ),
    _linear("conv1d.weight", delta.delta_conv.__name__, ("conv1d.weight", (_QKV, "1", "kernel"))),
    _linear("A_log", "rows", ("A_log", ("value_heads",))),
    _linear("dt_bias", "rows", ("dt_bias", ("value_heads",))),
    _linear("out_norm.weight", delta.less_one.__name__, ("norm.weight", ("value_dim",))),
    _linear("out_proj.weight", "columns", ("out_proj.weight", ("hidden", _VALUE))),
)


def _args_of(config: Mapping[str, Any]) -> dict[str, Any]:
    """Which layers have linear attention."""
    kinds = config.get("layer_types")
    every = int(config.get("full_attention_interval") or 4)
    return {
        "linear_attention_freq": [int(kind == "linear_attention") for kind in kinds]
        if isinstance(kinds, list)
        else every,
    }


SPEC = ModelSpec(
    name="qwen3_5",
    model_types=("qwen3_5_text",),
    aliases=("qwen3.5", "qwen35"),
    rows=(
        *EMBEDDING_ROWS,
        *ATTENTION_ROWS,
        *MLP_ROWS,
        *NEXT_PREDICTION_ROWS,
        *FINAL_NORM_ROWS,
        END_ROWS[-1],
    ),
    options={**DENSE_OPTIONS, "qk_layernorm": True},
    refused={"attention_bias": "biases of gated attention"},
    config_keys={
        "key_heads": "linear_num_key_heads",
        "value_heads": "linear_num_value_heads",
        "key_dim": "linear_key_head_dim",
        "value_dim": "linear_value_head_dim",
        "kernel": "linear_conv_kernel_dim",
    },
    linear=Linear(),
    defaults={"partial_rotary_factor": 0.25},
    mtp_names=PREDICTION_NAMES,
    args={
        "apply_layernorm_1p": True,
        "attention_output_gate": True,
        "experimental_attention_variant": "gated_delta_net",
    },
    args_of=_args_of,
    refused_layouts={
        HOSTS: "no Megatron model of MindSpeed-LLM has its attention",
        LOCAL: "Megatron core has its linear attention with transformer_engine's layers only",
    },
)
