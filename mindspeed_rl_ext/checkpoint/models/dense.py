"""The table of a decoder with grouped-query attention and a gated MLP; families share its parts."""

from __future__ import annotations

from collections.abc import Sequence

from mindspeed_rl_ext.checkpoint.mapping.spec import DENSE, EMBEDDING, FINAL_NORM, HEAD, Hf, Row

HF = "model.layers.{layer}."
MCORE = "decoder.layers.{layer}."

EMBEDDING_ROWS = (
    Row(
        "embedding.word_embeddings.weight",
        (Hf("model.embed_tokens.weight", ("vocab", "hidden")),),
        "vocab_rows",
        EMBEDDING,
    ),
)

INPUT_NORM_ROWS = (
    Row(
        MCORE + "input_layernorm.weight",
        (Hf(HF + "input_layernorm.weight", ("hidden",)),),
        "replicate",
        te=MCORE + "self_attention.linear_qkv.layer_norm_weight",
    ),
)

ATTENTION_ROWS = (
    Row(
        MCORE + "self_attention.linear_qkv.weight",
        (
            Hf(HF + "self_attn.q_proj.weight", ("q", "hidden")),
            Hf(HF + "self_attn.k_proj.weight", ("kv", "hidden")),
            Hf(HF + "self_attn.v_proj.weight", ("kv", "hidden")),
        ),
        "qkv",
    ),
    Row(
        MCORE + "self_attention.linear_qkv.bias",
        (
            Hf(HF + "self_attn.q_proj.bias", ("q",)),
            Hf(HF + "self_attn.k_proj.bias", ("kv",)),
            Hf(HF + "self_attn.v_proj.bias", ("kv",)),
        ),
        "qkv",
        option="qkv_bias",
    ),
    Row(
        MCORE + "self_attention.linear_proj.weight",
        (Hf(HF + "self_attn.o_proj.weight", ("hidden", "q")),),
        "columns",
    ),
    Row(
        MCORE + "self_attention.linear_proj.bias",
        (Hf(HF + "self_attn.o_proj.bias", ("hidden",)),),
        "replicate",
        option="dense_bias",
    ),
)

QK_NORM_ROWS = tuple(
    Row(
        MCORE + f"self_attention.{part}_layernorm.weight",
        (Hf(HF + f"self_attn.{part}_norm.weight", ("head_dim",)),),
        "replicate",
        option="qk_layernorm",
    )
    for part in ("q", "k")
)

MLP_ROWS = (
    Row(
        MCORE + "pre_mlp_layernorm.weight",
        (Hf(HF + "post_attention_layernorm.weight", ("hidden",)),),
        "replicate",
        te=MCORE + "mlp.linear_fc1.layer_norm_weight",
        mlp=DENSE,
    ),
    Row(
        MCORE + "mlp.linear_fc1.weight",
        (
            Hf(HF + "mlp.gate_proj.weight", ("ffn", "hidden")),
            Hf(HF + "mlp.up_proj.weight", ("ffn", "hidden")),
        ),
        "gate_up",
        mlp=DENSE,
    ),
    Row(
        MCORE + "mlp.linear_fc2.weight",
        (Hf(HF + "mlp.down_proj.weight", ("hidden", "ffn")),),
        "columns",
        mlp=DENSE,
    ),
)

END_ROWS = (
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


def replace_rows(rows: Sequence[Row], *new: Row) -> tuple[Row, ...]:
    """The rows, each new one in the place of the row that makes the same tensor.

    Example:
        >>> from dataclasses import replace
        >>> norm = replace(END_ROWS[0], hf=(Hf("model.final.weight", ("hidden",)),))
        >>> replace_rows(END_ROWS, norm)[0].hf[0].name
        'model.final.weight'
    """
    by_name = {(row.mcore, row.mlp): row for row in new}
    return tuple(by_name.get((row.mcore, row.mlp), row) for row in rows)


DECODER_ROWS = (*EMBEDDING_ROWS, *INPUT_NORM_ROWS, *ATTENTION_ROWS, *QK_NORM_ROWS)
DENSE_ROWS = (*DECODER_ROWS, *MLP_ROWS, *END_ROWS)
# What the rows above ask for; a family says which of it it has.
DENSE_OPTIONS = {"qkv_bias": False, "dense_bias": False, "qk_layernorm": False}
