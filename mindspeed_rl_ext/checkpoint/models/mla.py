"""The table's rows of multi-head latent attention (DeepSeek).

Covers: with and without a low rank of the query; the names of both of the hosts' dialects and of
Megatron core itself; the hosts' --mla-mm-split.
Does not cover: the hosts' names under transformer_engine.
"""

from __future__ import annotations

from dataclasses import replace

from mindspeed_rl_ext.checkpoint.mapping.rules.latent import heads_nope, heads_rope, heads_value
from mindspeed_rl_ext.checkpoint.mapping.spec import CORE, MM_SPLIT, WHOLE_DOWN, Hf, Row
from mindspeed_rl_ext.checkpoint.models.dense import HF, INPUT_NORM_ROWS, MCORE

_ATTN, _HF = MCORE + "self_attention.", HF + "self_attn."
_QUERY = "heads*qk_nope+heads*qk_rope"
_KV_DOWN = Hf(_HF + "kv_a_proj_with_mqa.weight", ("kv_rank+qk_rope", "hidden"))
_Q_DOWN = Hf(_HF + "q_a_proj.weight", ("q_rank", "hidden"))
_Q_WHOLE = Hf(_HF + "q_proj.weight", (_QUERY, "hidden"))
_Q_UP = Row(
    _ATTN + "linear_qb.weight",
    (Hf(_HF + "q_b_proj.weight", (_QUERY, "q_rank")),),
    "rows",
    newer=_ATTN + "linear_q_up_proj.weight",
    option="q_rank",
    not_layout=MM_SPLIT,
)
_KV_UP = Row(
    _ATTN + "linear_kvb.weight",
    (Hf(_HF + "kv_b_proj.weight", ("heads*qk_nope+heads*v_dim", "kv_rank")),),
    "rows",
    newer=_ATTN + "linear_kv_up_proj.weight",
    not_layout=MM_SPLIT,
)


def _split_up(row: Row, name: str, rule: str) -> Row:
    return replace(
        row, mcore=_ATTN + name, newer="", rule=rule, not_layout="", layout=MM_SPLIT
    )  # fmt: skip


MLA_ROWS = (
    # The norm in front of latent attention is in no linear layer, whichever implementation.
    *(replace(row, te="") for row in INPUT_NORM_ROWS),
    # The hosts keep the two downward projections whole in one tensor, core in two that TP cuts.
    Row(_ATTN + "linear_qkv.weight", (_Q_DOWN, _KV_DOWN), "stack", option="q_rank",
        not_layout=CORE),
    Row(_ATTN + "linear_qkv.weight", (_Q_WHOLE, _KV_DOWN), "stack", without="q_rank",
        not_layout=CORE),
    Row(_ATTN + "linear_q_down_proj.weight", (_Q_DOWN,), "rows", option="q_rank",
        layout=CORE, not_layout=WHOLE_DOWN),
    Row(_ATTN + "linear_q_down_proj.weight", (_Q_DOWN,), "replicate", option="q_rank",
        layout=WHOLE_DOWN),
    Row(_ATTN + "linear_q_proj.weight", (_Q_WHOLE,), "rows", without="q_rank", layout=CORE),
    Row(_ATTN + "linear_kv_down_proj.weight", (_KV_DOWN,), "rows", layout=CORE,
        not_layout=WHOLE_DOWN),
    Row(_ATTN + "linear_kv_down_proj.weight", (_KV_DOWN,), "replicate", layout=WHOLE_DOWN),
    Row(
        _ATTN + "q_layernorm.weight",
        (Hf(_HF + "q_a_layernorm.weight", ("q_rank",)),),
        "replicate",
        te=_ATTN + "linear_q_up_proj.layer_norm_weight",
        option="q_rank",
    ),
    Row(
        _ATTN + "k_layernorm.weight",
        (Hf(_HF + "kv_a_layernorm.weight", ("kv_rank",)),),
        "replicate",
        te=_ATTN + "linear_kv_up_proj.layer_norm_weight",
        newer=_ATTN + "kv_layernorm.weight",
    ),
    _Q_UP,
    _KV_UP,
    _split_up(_Q_UP, "linear_qk_nope.weight", heads_nope.__name__),
    _split_up(_Q_UP, "linear_qk_rope.weight", heads_rope.__name__),
    _split_up(_KV_UP, "linear_kv_nope.weight", heads_nope.__name__),
    _split_up(_KV_UP, "linear_v.weight", heads_value.__name__),
    Row(
        _ATTN + "linear_proj.weight",
        (Hf(_HF + "o_proj.weight", ("hidden", "heads*v_dim")),),
        "columns",
    ),
)  # fmt: skip
MLA_KEYS = {
    "head_dim": "v_head_dim",
    "kv_rank": "kv_lora_rank",
    "qk_nope": "qk_nope_head_dim",
    "qk_rope": "qk_rope_head_dim",
    "v_dim": "v_head_dim",
}
