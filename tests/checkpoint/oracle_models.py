"""Models of real megatron-core, built from a checkpoint's args; for oracle_megatron.py."""

from __future__ import annotations

import inspect
from collections.abc import Callable

import torch


def accepted(function: Callable, options: dict) -> dict:
    """The options that this version of core knows; one that is set must be known."""
    known = inspect.signature(function).parameters
    unknown = {name for name, value in options.items() if name not in known and value}
    assert not unknown, f"{function.__name__} of this version lacks {unknown}"
    return {name: value for name, value in options.items() if name in known}


def experts_of(args) -> dict:
    """What a mixture of experts needs."""
    if not args.num_experts:
        return {}
    dense, slots = args.first_k_dense_replace, args.num_layers
    pattern = args.moe_layer_freq
    if isinstance(pattern, int):
        pattern = [0] * dense + [1] * (slots - dense) if dense else 1
    return {
        "num_moe_experts": args.num_experts,
        "moe_ffn_hidden_size": args.moe_ffn_hidden_size,
        "moe_router_topk": args.moe_router_topk,
        "moe_grouped_gemm": args.moe_grouped_gemm,
        "expert_model_parallel_size": args.expert_model_parallel_size,
        "expert_tensor_parallel_size": args.expert_tensor_parallel_size,
        "moe_token_dispatcher_type": "allgather",
        "moe_router_load_balancing_type": "none",
        "moe_router_pre_softmax": args.moe_router_pre_softmax,
        "moe_router_score_function": args.moe_router_score_function,
        "moe_router_enable_expert_bias": args.moe_router_enable_expert_bias,
        "moe_router_topk_scaling_factor": args.moe_router_topk_scaling_factor,
        "moe_router_num_groups": args.moe_router_num_groups,
        "moe_router_group_topk": args.moe_router_group_topk,
        "moe_shared_expert_intermediate_size": args.moe_shared_expert_intermediate_size,
        "moe_shared_expert_gate": args.moe_shared_expert_gate,
        "moe_layer_freq": pattern,
    }


SCALING_OF_LATENT = (
    "rope_type", "rotary_scaling_factor", "mscale", "mscale_all_dim", "beta_fast", "beta_slow",
    "original_max_position_embeddings",
)  # fmt: skip


def latent_attention_of(args) -> dict:
    """What latent attention needs; nothing for other models."""
    if not getattr(args, "multi_latent_attention", False):
        return {}
    return {
        "multi_latent_attention": True,
        "q_lora_rank": args.q_lora_rank,
        "kv_lora_rank": args.kv_lora_rank,
        "qk_head_dim": args.qk_head_dim,
        "qk_pos_emb_head_dim": args.qk_pos_emb_head_dim,
        "v_head_dim": args.v_head_dim,
        "rotary_base": args.rotary_base,
        **{name: getattr(args, name) for name in SCALING_OF_LATENT if hasattr(args, name)},
    }


def biased_attention_of(args) -> dict:
    """What gpt-oss needs: sinks, biases, a clamped activation; nothing for others."""
    if getattr(args, "softmax_type", "vanilla") == "vanilla":
        return {}
    from megatron.core.fusions.fused_bias_geglu import quick_gelu

    return {
        "add_bias_linear": args.add_bias_linear,
        "activation_func": quick_gelu,
        "glu_linear_offset": args.glu_linear_offset,
        "activation_func_clamp_value": args.activation_func_clamp_value,
        "softmax_type": args.softmax_type,
    }


def add_yarn(config, args) -> None:
    """Core's model reads these of its config, which declares them for latent attention only."""
    for name, value in vars(args).items():
        if name.startswith("yarn_"):
            setattr(config, name, value)


class PlainAttention(torch.nn.Module):
    """softmax(q k) v, without weights: core's own for the CPU knows one width of k and v only."""

    def __init__(self, softmax_scale: float, **more) -> None:
        super().__init__()
        self.softmax_scale = softmax_scale

    def forward(self, query, key, value, attention_mask, *args, **more):
        """All of [length, batch, heads, width]; heads and width are one in the result."""
        scores = torch.einsum("sbhd,tbhd->bhst", query, key) * self.softmax_scale
        weights = scores.masked_fill(attention_mask, -torch.inf).softmax(-1)
        return torch.einsum("bhst,tbhd->sbhd", weights, value).flatten(2)


def delta_net_of(args) -> dict:
    """What linear attention needs; nothing for others."""
    if not getattr(args, "experimental_attention_variant", None):
        return {}
    names = ("conv_kernel_dim", "key_head_dim", "value_head_dim")
    names += ("num_key_heads", "num_value_heads")
    return {
        **{f"linear_{name}": getattr(args, f"linear_{name}") for name in names},
        "linear_attention_freq": args.linear_attention_freq,
        "experimental_attention_variant": args.experimental_attention_variant,
        "attention_output_gate": args.attention_output_gate,
        "layernorm_zero_centered_gamma": args.apply_layernorm_1p,
        "transformer_impl": "transformer_engine",
        "deterministic_mode": True,
    }


class NormPlusOne(torch.nn.Module):
    """In place of the norms that only transformer_engine has: their weights count from one."""

    def __init__(self, config, hidden_size: int, eps: float = 1e-6, **more) -> None:
        super().__init__()
        assert config.layernorm_zero_centered_gamma
        self.weight, self.eps = torch.nn.Parameter(torch.empty(hidden_size)), eps

    def forward(self, values):
        size = values.shape[-1:]
        return torch.nn.functional.rms_norm(values.float(), size, 1 + self.weight.float(), self.eps)


def linear_attention_spec(config, vp_stage):
    """Core's block with a gated delta net; only modules that need a GPU are stood in for."""
    from megatron.core.models.backends import LocalSpecProvider
    from megatron.core.models.gpt import experimental_attention_variant_module_specs as specs
    from megatron.core.models.gpt.gpt_layer_specs import get_gpt_layer_local_spec
    from megatron.core.ssm import gated_delta_net

    class Provider(LocalSpecProvider):
        def layer_norm(self, *args, **more):
            return NormPlusOne

        def fuse_layernorm_and_linear(self) -> bool:
            return True

        def column_parallel_layer_norm_linear(self):
            return fused_linear()

    def full_attention(config, backend=None):
        layer = get_gpt_layer_local_spec(qk_layernorm=True, normalization="RMSNorm")
        attention = layer.submodules.self_attention
        attention.submodules.q_layernorm = attention.submodules.k_layernorm = NormPlusOne
        attention.submodules.linear_qkv = fused_linear()
        attention.metainfo["fuse_input_layernorm"] = True
        return attention

    gated_delta_net.HAVE_FLA = True
    gated_delta_net.l2norm = lambda x: x * torch.rsqrt(x.square().sum(-1, keepdim=True) + 1e-6)
    specs._get_backend_spec_provider = lambda config: Provider()
    specs._get_self_attention_module_spec = full_attention
    return specs.get_transformer_block_with_experimental_attention_variant_spec(config, vp_stage)


class WholeLinear(torch.nn.Module):
    """In place of transformer_engine's layer that TP does not cut."""

    def __init__(self, input_size: int, output_size: int, **more) -> None:
        super().__init__()
        assert more["parallel_mode"] == "duplicated"
        self.weight = torch.nn.Parameter(torch.empty(output_size, input_size))

    def forward(self, values):
        return values @ self.weight.T, None


def fused_linear():
    """In place of transformer_engine's linear layer with a norm in front."""
    from megatron.core.tensor_parallel.layers import ColumnParallelLinear

    class NormLinear(ColumnParallelLinear):
        def __init__(self, input_size, *args, config, **more) -> None:
            super().__init__(input_size, *args, config=config, **more)
            self.eps = config.layernorm_epsilon
            self.layer_norm_weight = torch.nn.Parameter(torch.empty(input_size))

        def forward(self, values, *args, **more):
            size = values.shape[-1:]
            weight = self.layer_norm_weight + int(self.config.layernorm_zero_centered_gamma)
            values = torch.nn.functional.rms_norm(values, size, weight, self.eps)
            return super().forward(values, *args, **more)

    return NormLinear


def use_fused_layers(layer) -> None:
    """A local layer with latent attention as `get_gpt_layer_with_transformer_engine_spec` has it.

    Core's own code of attention is run; only transformer_engine's modules are stood in for.
    """
    from megatron.core.transformer import multi_latent_attention as latent
    from megatron.core.transformer.identity_op import IdentityOp
    from megatron.core.transformer.mlp import MLP

    latent.TELinear, linear = WholeLinear, fused_linear()
    parts = layer.submodules.self_attention.submodules
    parts.linear_q_down_proj = parts.linear_kv_down_proj = WholeLinear
    parts.linear_q_up_proj = parts.linear_kv_up_proj = linear
    parts.q_layernorm = parts.kv_layernorm = IdentityOp
    if layer.submodules.mlp.module is MLP:  # before experts the norm is a layer of its own
        layer.submodules.pre_mlp_layernorm = IdentityOp
        layer.submodules.mlp.submodules.linear_fc1 = linear


def config_of(args, tp: int, pp: int):
    from megatron.core.transformer import MLATransformerConfig, TransformerConfig

    uneven = {}
    if args.num_layer_list:
        first, last = (int(args.num_layer_list.split(",")[n]) for n in (0, -1))
        uneven = {
            "num_layers_in_first_pipeline_stage": first,
            "num_layers_in_last_pipeline_stage": last,
        }
    latent = latent_attention_of(args)
    kind = MLATransformerConfig if latent else TransformerConfig
    options = dict(
        num_layers=args.num_layers,
        hidden_size=args.hidden_size,
        ffn_hidden_size=args.ffn_hidden_size,
        num_attention_heads=args.num_attention_heads,
        num_query_groups=args.num_query_groups,
        kv_channels=args.kv_channels,
        qk_layernorm=args.qk_layernorm,
        tensor_model_parallel_size=tp,
        pipeline_model_parallel_size=pp,
        virtual_pipeline_model_parallel_size=args.virtual_pipeline_model_parallel_size,
        pipeline_dtype=torch.float32,
        normalization="RMSNorm",
        layernorm_epsilon=args.norm_epsilon,
        gated_linear_unit=True,
        activation_func=torch.nn.functional.silu,
        add_bias_linear=False,
        add_qkv_bias=args.add_qkv_bias,
        hidden_dropout=0.0,
        attention_dropout=0.0,
        use_cpu_initialization=True,
        perform_initialization=False,
        gradient_accumulation_fusion=False,
        bias_activation_fusion=False,
        bias_dropout_fusion=False,
        apply_rope_fusion=False,
        masked_softmax_fusion=False,
        persist_layer_norm=False,
        **uneven,
        window_size=args.window_size and tuple(args.window_size),
        window_attn_skip_freq=args.window_attn_skip_freq,
        **experts_of(args),
        **latent,
    )
    options |= {**biased_attention_of(args), **delta_net_of(args)}
    if getattr(args, "mtp_num_layers", None):
        options["mtp_num_layers"] = args.mtp_num_layers
    config = kind(**accepted(kind, options))
    add_yarn(config, args)
    return config


def build(args, tp: int, pp: int, stage: int) -> list:
    """The chunks of a stage."""
    from megatron.core.models.gpt import GPTModel
    from megatron.core.models.gpt.gpt_layer_specs import (
        get_gpt_decoder_block_spec,
        get_gpt_layer_local_spec,
    )

    config = config_of(args, tp, pp)
    options = {"qk_layernorm": args.qk_layernorm, "normalization": "RMSNorm"}
    spec = get_gpt_layer_local_spec(**accepted(get_gpt_layer_local_spec, options))
    count = args.virtual_pipeline_model_parallel_size or 1
    chunks = []
    for number in range(count):
        stage_number = number if count > 1 else None
        if args.num_experts:
            options = {"normalization": "RMSNorm", "vp_stage": stage_number}
            spec = get_gpt_decoder_block_spec(
                config, False, **accepted(get_gpt_decoder_block_spec, options)
            )
        if getattr(args, "experimental_attention_variant", None):
            spec = linear_attention_spec(config, stage_number)
        if config.multi_latent_attention:
            for layer in spec.layer_specs:
                layer.submodules.self_attention.submodules.core_attention = PlainAttention
                if args.transformer_impl == "transformer_engine":
                    use_fused_layers(layer)
        prediction = {}
        if config.mtp_num_layers and stage == pp - 1 and number == count - 1:
            from megatron.core.models.gpt.gpt_layer_specs import get_gpt_mtp_block_spec

            block = get_gpt_mtp_block_spec(config, spec, False)
            prediction = {"mtp_block_spec": block}
        chunks.append(
            GPTModel(
                config,
                spec,
                vocab_size=args.padded_vocab_size,
                max_sequence_length=args.max_position_embeddings,
                pre_process=stage == 0 and number == 0,
                post_process=stage == pp - 1 and number == count - 1,
                parallel_output=False,
                share_embeddings_and_output_weights=not args.untie_embeddings_and_output_weights,
                position_embedding_type=args.position_embedding_type,
                rotary_base=args.rotary_base,
                rotary_percent=args.rotary_percent,
                seq_len_interpolation_factor=getattr(
                    args, "rotary_seq_len_interpolation_factor", None
                ),
                rope_scaling=getattr(args, "use_rope_scaling", False),
                rope_scaling_factor=getattr(args, "rope_scaling_factor", 8.0),
                **accepted(GPTModel, {"vp_stage": stage_number}),
                **prediction,
            ).eval()
        )
    config.bf16 = bool(args.num_experts)  # GroupedMLP asks for it; nothing here depends on it
    return chunks


def names_of_core(state: dict, args) -> dict:
    """The hosts keep the two downward projections of latent attention in one; core in two."""
    if not getattr(args, "multi_latent_attention", False):
        return state
    found = {}
    query = "linear_q_down_proj" if args.q_lora_rank else "linear_q_proj"
    for name, value in state.items():
        if ".linear_qkv." in name:
            rows = args.kv_lora_rank + args.qk_pos_emb_head_dim
            found[name.replace("linear_qkv", query)] = value[:-rows]
            found[name.replace("linear_qkv", "linear_kv_down_proj")] = value[-rows:]
        else:
            found[name] = value
    return found
