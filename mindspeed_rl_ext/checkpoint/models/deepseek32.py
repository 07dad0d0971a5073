"""DeepSeek-V3.2: DeepSeek-V3 with an indexer that chooses what attention looks at.

Covers: the names of MindSpeed-LLM.
Does not cover: those of Megatron core, whose indexer has rows in another order.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from mindspeed_rl_ext.checkpoint.mapping.spec import CORE, Hf, Row
from mindspeed_rl_ext.checkpoint.models.deepseek3 import SPEC as DEEPSEEK3
from mindspeed_rl_ext.checkpoint.models.dense import HF, MCORE

_AT, _HF = MCORE + "self_attention.dsa_indexer.", HF + "self_attn.indexer."
_INDEXER = {
    "wq_b.weight": ("index_heads*index_dim", "q_rank"),
    "wk.weight": ("index_dim", "hidden"),
    "k_norm.weight": ("index_dim",),
    "k_norm.bias": ("index_dim",),
    "weights_proj.weight": ("index_heads", "hidden"),
}


def _args_of(config: Mapping[str, Any]) -> dict[str, Any]:
    """The sizes of the indexer, by the names of MindSpeed-LLM."""
    return {name: config.get(name) for name in ("index_n_heads", "index_head_dim", "index_topk")}


SPEC = replace(
    DEEPSEEK3,
    name="deepseek32",
    model_types=("deepseek_v32",),
    aliases=("deepseek_v32", "deepseek-v3.2"),
    rows=(
        *DEEPSEEK3.rows,
        *(Row(_AT + name, (Hf(_HF + name, dims),), "replicate") for name, dims in _INDEXER.items()),
    ),
    config_keys={
        **DEEPSEEK3.config_keys,
        "index_heads": "index_n_heads",
        "index_dim": "index_head_dim",
    },
    args={"enable_dsa_indexer": True},
    args_of=_args_of,
    refused_layouts={
        CORE: "Megatron core's indexer has other names, and rotated rows behind the others",
    },
)
