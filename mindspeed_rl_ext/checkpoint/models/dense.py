"""The table of a dense decoder with grouped-query attention and a gated MLP; families share it."""

from __future__ import annotations

from mindspeed_rl_ext.checkpoint.spec import EMBEDDING, FINAL_NORM, HEAD, Hf, Row

_HF = "model.layers.{layer}."
_MCORE = "decoder.layers.{layer}."

DENSE_ROWS = (
    Row(
        "embedding.word_embeddings.weight",
        (Hf("model.embed_tokens.weight", ("vocab", "hidden")),),
        "vocab_rows",
        EMBEDDING,
    ),
    Row(
        _MCORE + "input_layernorm.weight",
        (Hf(_HF + "input_layernorm.weight", ("hidden",)),),
        "replicate",
        te=_MCORE + "self_attention.linear_qkv.layer_norm_weight",
    ),
    Row(
        _MCORE + "self_attention.linear_qkv.weight",
        (
            Hf(_HF + "self_attn.q_proj.weight", ("q", "hidden")),
            Hf(_HF + "self_attn.k_proj.weight", ("kv", "hidden")),
            Hf(_HF + "self_attn.v_proj.weight", ("kv", "hidden")),
        ),
        "qkv",
    ),
    Row(
        _MCORE + "self_attention.linear_qkv.bias",
        (
            Hf(_HF + "self_attn.q_proj.bias", ("q",)),
            Hf(_HF + "self_attn.k_proj.bias", ("kv",)),
            Hf(_HF + "self_attn.v_proj.bias", ("kv",)),
        ),
        "qkv",
        option="qkv_bias",
    ),
    Row(
        _MCORE + "self_attention.linear_proj.weight",
        (Hf(_HF + "self_attn.o_proj.weight", ("hidden", "q")),),
        "columns",
    ),
    Row(
        _MCORE + "self_attention.linear_proj.bias",
        (Hf(_HF + "self_attn.o_proj.bias", ("hidden",)),),
        "replicate",
        option="dense_bias",
    ),
    Row(
        _MCORE + "pre_mlp_layernorm.weight",
        (Hf(_HF + "post_attention_layernorm.weight", ("hidden",)),),
        "replicate",
        te=_MCORE + "mlp.linear_fc1.layer_norm_weight",
    ),
    Row(
        _MCORE + "mlp.linear_fc1.weight",
        (
            Hf(_HF + "mlp.gate_proj.weight", ("ffn", "hidden")),
            Hf(_HF + "mlp.up_proj.weight", ("ffn", "hidden")),
        ),
        "gate_up",
    ),
    Row(
        _MCORE + "mlp.linear_fc2.weight",
        (Hf(_HF + "mlp.down_proj.weight", ("hidden", "ffn")),),
        "columns",
    ),
    Row(
        "decoder.final_layernorm.weight",
        (Hf("model.norm.weight", ("hidden",)),),
        "replicate",
        FINAL_NORM,
    ),
    Row(
        "output_layer.weight",
        (Hf("lm_head.weight", ("vocab", "hidden")),),
        "vocab_rows",
        HEAD,
    ),
)
