"""The table's rows of multi-head latent attention (DeepSeek).

Covers: with and without a low rank of the query; the names of both dialects.
Does not cover: the hosts' --mla-mm-split; transformer_engine names.
"""

from __future__ import annotations

from mindspeed_rl_ext.checkpoint.mapping.spec import Hf, Row
from mindspeed_rl_ext.checkpoint.models.dense import HF, MCORE

_ATTN, _HF = MCORE + "self_attention.", HF + "self_attn."
_QUERY = "heads*qk_nope+heads*qk_rope"
_KV_DOWN = Hf(_HF + "kv_a_proj_with_mqa.weight", ("kv_rank+qk_rope", "hidden"))

MLA_ROWS = (
    Row(
        _ATTN + "linear_qkv.weight",
        (Hf(_HF + "q_a_proj.weight", ("q_rank", "hidden")), _KV_DOWN),
        "stack",
        option="q_rank",
    ),
    Row(
        _ATTN + "linear_qkv.weight",
        (Hf(_HF + "q_proj.weight", (_QUERY, "hidden")), _KV_DOWN),
        "stack",
        without="q_rank",
    ),
    Row(
        _ATTN + "q_layernorm.weight",
        (Hf(_HF + "q_a_layernorm.weight", ("q_rank",)),),
        "replicate",
        option="q_rank",
    ),
    Row(
        _ATTN + "linear_qb.weight",
        (Hf(_HF + "q_b_proj.weight", (_QUERY, "q_rank")),),
        "rows",
        newer=_ATTN + "linear_q_up_proj.weight",
        option="q_rank",
    ),
    Row(
        _ATTN + "k_layernorm.weight",
        (Hf(_HF + "kv_a_layernorm.weight", ("kv_rank",)),),
        "replicate",
        newer=_ATTN + "kv_layernorm.weight",
    ),
    Row(
        _ATTN + "linear_kvb.weight",
        (Hf(_HF + "kv_b_proj.weight", ("heads*qk_nope+heads*v_dim", "kv_rank")),),
        "rows",
        newer=_ATTN + "linear_kv_up_proj.weight",
    ),
    Row(
        _ATTN + "linear_proj.weight",
        (Hf(_HF + "o_proj.weight", ("hidden", "heads*v_dim")),),
        "columns",
    ),
)
MLA_KEYS = {
    "head_dim": "v_head_dim",
    "kv_rank": "kv_lora_rank",
    "qk_nope": "qk_nope_head_dim",
    "qk_rope": "qk_rope_head_dim",
    "v_dim": "v_head_dim",
}
