"""The `args` of a checkpoint that we write: Megatron's names and HuggingFace's together.

Covers: what Megatron's and the hosts' loaders compare, force or need. Values are builtin types, and
params_dtype a torch.dtype as Megatron has it, so that it loads without Megatron.
Does not cover: training settings; the host's command line gives them.
"""

from __future__ import annotations

from argparse import Namespace
from typing import Any

from mindspeed_rl_ext.checkpoint.dtypes import DType
from mindspeed_rl_ext.checkpoint.formats.megatron_legacy.position_args import (
    per_slot,
    position_args,
)
from mindspeed_rl_ext.checkpoint.formats.protocol import Target
from mindspeed_rl_ext.checkpoint.formats.torch_file.pickle_writer import Global
from mindspeed_rl_ext.checkpoint.mapping.layout import Layout
from mindspeed_rl_ext.checkpoint.mapping.rope import rope_theta
from mindspeed_rl_ext.checkpoint.mapping.sizes import Sizes
from mindspeed_rl_ext.checkpoint.mapping.spec import CORE
from mindspeed_rl_ext.checkpoint.mapping.targets import Convention
from mindspeed_rl_ext.core.errors import InputError

ITERATION = 1
_HF_NAMES = (
    "model_type",
    "hidden_act",
    "rms_norm_eps",
    "tie_word_embeddings",
    "attention_bias",
    "use_sliding_window",
    "bos_token_id",
    "eos_token_id",
    "num_experts_per_tok",
    "norm_topk_prob",
    "scoring_func",
    "topk_method",
    "n_group",
    "topk_group",
    "routed_scaling_factor",
    "n_routed_experts",
    "n_shared_experts",
    "first_k_dense_replace",
    "moe_layer_freq",
    "decoder_sparse_step",
    "shared_expert_intermediate_size",
    "moe_intermediate_size",
    "q_lora_rank",
    "kv_lora_rank",
    "qk_nope_head_dim",
    "qk_rope_head_dim",
    "v_head_dim",
    "linear_conv_kernel_dim",
    "linear_key_head_dim",
    "linear_value_head_dim",
    "linear_num_key_heads",
    "linear_num_value_heads",
)


def build_args(target: Target, dtype: DType) -> Namespace:
    """The union of the names that each loader reads.

    Args:
        target: the model, its layout, and what will load it.
        dtype: the number format of the weights.
    """
    sizes, layout, options = target.model.sizes, target.layout, target.options
    convention = options.convention
    # Megatron core has a number per layer instead; see the family's `args_of`.
    hosts_linear = target.model.spec.linear is not None and convention.dialect != CORE
    values = {
        **_hf(sizes),
        **_architecture(sizes),
        **position_args(sizes, layout, convention, target.model.spec.mla),
        **_parallel(sizes, layout),
        **_training(dtype),
        **_experts(sizes, layout, convention),
        **(_routing(sizes) if sizes.experts else {}),
        **(_latent_attention(sizes, layout) if target.model.spec.mla else {}),
        **(_linear_attention(sizes) if hosts_linear else {}),
        "vocab_size": sizes.vocab,
        "padded_vocab_size": layout.padded_vocab,
        "make_vocab_size_divisible_by": options.make_vocab_size_divisible_by,
        "tokenizer_type": convention.tokenizer_type,
        **target.model.spec.args,
        **target.model.spec.args_of(sizes.config),
    }
    return Namespace(**values)


def _hf(sizes: Sizes) -> dict[str, Any]:
    plain = (bool, int, float, str)
    named = {
        key: sizes.config[key] for key in _HF_NAMES if isinstance(sizes.config.get(key), plain)
    }
    return {
        **named,
        "num_hidden_layers": sizes.layers,
        "num_key_value_heads": sizes.groups,
        "intermediate_size": sizes.ffn,
        "head_dim": sizes.head_dim,
        "rope_theta": rope_theta(sizes.config),
    }


def _architecture(sizes: Sizes) -> dict[str, Any]:
    max_positions = int(sizes.config.get("max_position_embeddings") or 4096)
    return {
        "hidden_size": sizes.hidden,
        "ffn_hidden_size": sizes.ffn,
        "num_attention_heads": sizes.heads,
        "num_query_groups": sizes.groups,
        "group_query_attention": sizes.groups != sizes.heads,
        "kv_channels": sizes.head_dim,
        "seq_length": max_positions,
        "max_position_embeddings": max_positions,
        "normalization": "RMSNorm",
        "norm_epsilon": float(sizes.config.get("rms_norm_eps", 1e-6)),
        "swiglu": True,
        "squared_relu": False,
        "apply_layernorm_1p": False,
        "apply_query_key_layer_scaling": False,
        "attention_dropout": float(sizes.config.get("attention_dropout") or 0.0),
        "hidden_dropout": 0.0,
        "add_bias_linear": False,
        "add_qkv_bias": "qkv_bias" in sizes.options,
        "add_dense_bias": "dense_bias" in sizes.options,
        "qk_layernorm": "qk_layernorm" in sizes.options,
        "untie_embeddings_and_output_weights": not sizes.tied,
    }


def _parallel(sizes: Sizes, layout: Layout) -> dict[str, Any]:
    num_slots = sizes.layers + len(layout.noop_layers)
    per_virtual = layout.layers_per_virtual_stage
    return {
        "num_layers": num_slots,
        "tensor_model_parallel_size": layout.tp,
        "pipeline_model_parallel_size": layout.pp,
        "expert_model_parallel_size": layout.ep,
        "context_parallel_size": 1,
        "num_layers_per_virtual_pipeline_stage": per_virtual or None,
        "virtual_pipeline_model_parallel_size": (
            num_slots // layout.pp // per_virtual if per_virtual else None
        ),
        "num_layer_list": ",".join(map(str, layout.layer_list)) or None,
        "noop_layers": ",".join(map(str, layout.noop_layers)) or None,
        "transformer_impl": layout.transformer_impl,
        "schedules_method": "dualpipev" if layout.dualpipe else None,
        "mtp_num_layers": layout.mtp or None,
        "use_mcore_models": True,
        "sequence_parallel": False,
    }


def _experts(sizes: Sizes, layout: Layout, convention: Convention) -> dict[str, Any]:
    """Which layers have experts, and how many; also of dense models, which loaders ask for."""
    whole = {
        "moe_grouped_gemm": layout.grouped,
        "moe_tp_extend_ep": layout.extend_ep,
        "expert_tensor_parallel_size": 1 if layout.whole_experts else layout.tp,
    }
    if not sizes.experts:
        return {"num_experts": None, **whole}
    dense = [layer for layer in range(sizes.layers) if layer not in sizes.moe_layers]
    first = len(dense) if dense == list(range(len(dense))) else 0
    # Megatron takes a number, or a 0 or 1 for each layer.
    pattern = per_slot(sizes.moe_layers, sizes, layout)
    counted = len(dense) == first and not (first and convention.dense_in_pattern)
    return {
        "num_experts": sizes.experts,
        "moe_ffn_hidden_size": sizes.extra["moe_ffn"],
        "moe_intermediate_size": sizes.extra["moe_ffn"],
        **whole,
        "moe_shared_expert_intermediate_size": sizes.shared_ffn or None,
        "first_k_dense_replace": first,
        "moe_layer_freq": 1 if counted else pattern,
    }


def _routing(sizes: Sizes) -> dict[str, Any]:
    """How tokens are routed to experts, where config.json says it."""
    config = sizes.config
    sigmoid = config.get("scoring_func") == "sigmoid" or "router_bias" in sizes.options
    scaling = config.get("routed_scaling_factor")
    # Groups that config.json names are used by some methods only.
    grouped = config.get("topk_method") != "greedy"
    return {
        "moe_router_topk": int(config.get("num_experts_per_tok") or 2),
        "moe_router_score_function": "sigmoid" if sigmoid else "softmax",
        "moe_router_pre_softmax": sigmoid or not config.get("norm_topk_prob", True),
        "moe_router_enable_expert_bias": "router_bias" in sizes.options,
        "moe_router_topk_scaling_factor": float(scaling) if scaling is not None else None,
        "moe_router_num_groups": config.get("n_group") if grouped else None,
        "moe_router_group_topk": config.get("topk_group") if grouped else None,
        "moe_shared_expert_gate": "shared_gate" in sizes.options,
    }


def _latent_attention(sizes: Sizes, layout: Layout) -> dict[str, Any]:
    return {
        "multi_head_latent_attention": True,
        "multi_latent_attention": True,
        "q_lora_rank": sizes.extra["q_rank"] or None,
        "kv_lora_rank": sizes.extra["kv_rank"],
        "qk_nope_head_dim": sizes.extra["qk_nope"],
        "qk_rope_head_dim": sizes.extra["qk_rope"],
        "qk_head_dim": sizes.extra["qk_nope"],
        "qk_pos_emb_head_dim": sizes.extra["qk_rope"],
        "v_head_dim": sizes.extra["v_dim"],
        "qk_layernorm": True,
        "mla_mm_split": layout.mm_split,
    }


def _linear_attention(sizes: Sizes) -> dict[str, Any]:
    """Hosts know the layers of full attention by their distance."""
    full = [layer for layer in range(sizes.layers) if layer not in sizes.linear_layers]
    every = full[0] + 1 if full else sizes.layers + 1
    if full != list(range(every - 1, sizes.layers, every)):
        raise InputError(
            "the layers with full attention are not evenly spaced",
            found=", ".join(map(str, full)),
            expected="every n-th layer, which hosts call full_attention_interval",
        )
    return {"full_attention_interval": every}


def _training(dtype: DType) -> dict[str, Any]:
    return {
        "params_dtype": Global("torch", dtype.name),
        "bf16": dtype.name == "bfloat16",
        "fp16": dtype.name == "float16",
        "iteration": ITERATION,
        "consumed_train_samples": 0,
        "consumed_valid_samples": 0,
        "data_parallel_random_init": False,
    }
