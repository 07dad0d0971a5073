"""Qwen3.5's text model with experts: as the dense one, and a shared expert with a gate."""

from __future__ import annotations

from dataclasses import replace

from mindspeed_rl_ext.checkpoint.mapping.rules import packed
from mindspeed_rl_ext.checkpoint.mapping.spec import Packed, Sparse
from mindspeed_rl_ext.checkpoint.models.dense import EMBEDDING_ROWS, END_ROWS, HF
from mindspeed_rl_ext.checkpoint.models.experts import routed, shared
from mindspeed_rl_ext.checkpoint.models.prediction import FINAL_NORM_ROWS
from mindspeed_rl_ext.checkpoint.models.qwen3_5 import ATTENTION_ROWS
from mindspeed_rl_ext.checkpoint.models.qwen3_5 import SPEC as DENSE
from mindspeed_rl_ext.checkpoint.models.qwen3_next import NEXT_PREDICTION_ROWS, SHARED_GATE

_EXPERTS = HF + "mlp.experts."
_EXPERT = _EXPERTS + "{expert}."
_GATE_UP = (_EXPERT + "gate_proj.weight", _EXPERT + "up_proj.weight")
_DOWN = (_EXPERT + "down_proj.weight",)

SPEC = replace(
    DENSE,
    name="qwen3_5_moe",
    model_types=("qwen3_5_moe_text",),
    aliases=("qwen3.5-moe", "qwen35-moe"),
    rows=(
        *EMBEDDING_ROWS,
        *ATTENTION_ROWS,
        *routed(),
        *shared("shared_expert"),
        SHARED_GATE,
        *NEXT_PREDICTION_ROWS,
        *FINAL_NORM_ROWS,
        END_ROWS[-1],
    ),
    options={**DENSE.options, "shared_experts": True, "shared_gate": True},
    config_keys={
        **DENSE.config_keys,
        "ffn": "intermediate_size|moe_intermediate_size",
        "experts": "num_experts|num_local_experts",
        "moe_ffn": "moe_intermediate_size",
        "shared_ffn": "shared_expert_intermediate_size",
    },
    sparse=Sparse(),
    defaults={**DENSE.defaults, "num_experts_per_tok": 8},
    # Published models may have experts packed; transformers saves them one by one.
    packed=(
        Packed(_EXPERTS + "gate_up_proj", _GATE_UP, packed.experts_stacked.__name__, written=False),
        Packed(_EXPERTS + "down_proj", _DOWN, packed.experts_rows.__name__, written=False),
    ),
)
