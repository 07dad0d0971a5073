"""What of config.json changes a model reaches the args, is warned of, or is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mindspeed_rl_ext.checkpoint.dtypes import by_name
from mindspeed_rl_ext.checkpoint.formats.megatron_legacy.args import build_args
from mindspeed_rl_ext.checkpoint.formats.protocol import Target
from mindspeed_rl_ext.checkpoint.mapping.check_args import differences
from mindspeed_rl_ext.checkpoint.mapping.layout import Layout
from mindspeed_rl_ext.checkpoint.mapping.missing_options import missing_options
from mindspeed_rl_ext.checkpoint.mapping.model import Model, read_model
from mindspeed_rl_ext.checkpoint.mapping.targets import TARGETS
from mindspeed_rl_ext.checkpoint.models import models
from mindspeed_rl_ext.checkpoint.options import ConvertOptions
from mindspeed_rl_ext.core.errors import InputError

HOST, CORE = "mindspeed-llm-26.1", "megatron-core-0.16"
SIZES = {
    "num_hidden_layers": 4, "hidden_size": 32, "intermediate_size": 48, "vocab_size": 64,
    "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 8,
    "max_position_embeddings": 64,
}  # fmt: skip
LATENT = {
    "kv_lora_rank": 12, "qk_nope_head_dim": 8, "qk_rope_head_dim": 4, "v_head_dim": 8,
    "q_lora_rank": 10, "n_routed_experts": 4, "n_shared_experts": 2, "moe_intermediate_size": 16,
    "first_k_dense_replace": 1, "index_n_heads": 2, "index_head_dim": 8,
}  # fmt: skip
MOE = {
    "num_experts": 4, "num_local_experts": 4, "n_routed_experts": 4, "moe_intermediate_size": 16,
    "shared_expert_intermediate_size": 16,
}  # fmt: skip
LINEAR = {
    "linear_num_key_heads": 2, "linear_num_value_heads": 4, "linear_key_head_dim": 8,
    "linear_value_head_dim": 6, "linear_conv_kernel_dim": 4,
}  # fmt: skip


def model_of(folder: Path, model_type: str, **more) -> Model:
    """The model of a config.json with such sizes and nothing else beside `more`."""
    every = {"model_type": model_type, **SIZES, **MOE, **LINEAR, **LATENT, **more}
    (folder / "config.json").write_text(json.dumps(every))
    return read_model(folder)


def args_of(folder: Path, model_type: str, target: str = HOST, **more) -> dict:
    options = ConvertOptions("hf", "mg", folder, folder / "mg", target=target)
    model = model_of(folder, model_type, **more)
    return vars(build_args(Target(model, Layout(), options), by_name("bfloat16")))


LLAMA31 = {
    "rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
    "original_max_position_embeddings": 8192,
}  # fmt: skip
R1 = {
    "type": "yarn", "factor": 40, "beta_fast": 32, "beta_slow": 1, "mscale": 1.0,
    "mscale_all_dim": 1.0, "original_max_position_embeddings": 4096,
}  # fmt: skip
LONG = {"type": "longrope", "long_factor": [1.5, 2.0], "short_factor": [1.0, 1.1]}
YARN4 = {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 32768}
UPPER = {"use_sliding_window": True, "max_window_layers": 3, "sliding_window": 16}
# Model type, what config.json has beside the sizes, the target, what the args must have.
EXPECTED = {
    "Llama 3.1": (
        "llama", {"rope_theta": 5e5, "rope_scaling": LLAMA31}, CORE,
        {"rotary_base": 500000, "use_rope_scaling": True, "rope_scaling_factor": 8.0},
    ),
    "Llama 3.1 in MindSpeed-LLM": (
        "llama", {"rope_parameters": {"rope_theta": 5e5, **LLAMA31}}, HOST,
        {"rope_scaling_type": "llama3", "low_freq_factor": 1.0, "high_freq_factor": 4.0,
         "original_max_position_embeddings": 8192, "rotary_base": 500000},
    ),
    "R1": (
        "deepseek_v3", {"rope_scaling": R1}, CORE,
        {"rope_type": "yarn", "rotary_scaling_factor": 40.0, "mscale": 1.0, "mscale_all_dim": 1.0,
         "beta_fast": 32.0, "beta_slow": 1.0, "original_max_position_embeddings": 4096,
         "rope_scaling_type": "yarn", "rope_scaling_factor": 40.0,
         "rope_scaling_original_max_position_embeddings": 4096, "rope_scaling_mscale": 1.0,
         "position_embedding_type": "rope"},
    ),
    "Moonlight: no scaling": (
        "deepseek_v3", {"rope_theta": 50000.0, "q_lora_rank": None, "n_group": 1}, CORE,
        {"rope_type": "rope", "rotary_scaling_factor": 1.0, "moe_router_num_groups": 1},
    ),
    "V2-Lite: greedy": (
        "deepseek_v2", {"topk_method": "greedy", "n_group": 8, "topk_group": 3}, CORE,
        {"moe_router_num_groups": None, "moe_router_group_topk": None,
         "moe_router_pre_softmax": True},
    ),
    "Phi-3.5": (
        "phi3", {"rope_scaling": LONG, "original_max_position_embeddings": 4096}, HOST,
        {"rope_scaling_type": "longrope", "long_factor": [1.5, 2.0], "short_factor": [1.0, 1.1],
         "rope_scaling_original_max_position_embeddings": 4096},
    ),
    "Phi-4-mini": ("phi3", {"partial_rotary_factor": 0.75}, HOST, {"rotary_percent": 0.75}),
    "QwQ with YaRN": (
        "qwen2", {"rope_scaling": YARN4}, CORE,
        {"position_embedding_type": "yarn", "yarn_rotary_scaling_factor": 4.0,
         "yarn_original_max_position_embeddings": 32768, "yarn_mscale": None},
    ),
    "QwQ with YaRN in MindSpeed-LLM": (
        "qwen2", {"rope_scaling": YARN4}, HOST,
        {"position_embedding_type": "rope", "rope_scaling_type": "yarn",
         "rope_scaling_factor": 4.0, "rope_scaling_original_max_position_embeddings": 32768},
    ),
    "linear scaling": (
        "llama", {"rope_scaling": {"type": "linear", "factor": 4.0}}, CORE,
        {"rotary_seq_len_interpolation_factor": 4.0},
    ),
    "Qwen2.5: a window that is not used": (
        "qwen2", {"sliding_window": 131072, "use_sliding_window": False}, HOST,
        {"sliding_window": None, "window_size": None},
    ),
    "Qwen2 with windows": (
        "qwen2", UPPER, CORE,
        {"sliding_window": None, "window_size": (15, 0), "window_attn_skip_freq": [0, 0, 0, 1]},
    ),
    "Mistral 7B v0.1": (
        "mistral", {"sliding_window": 4096}, CORE,
        {"sliding_window": 4096, "window_size": (4095, 0), "window_attn_skip_freq": None},
    ),
    "Mistral 7B v0.3": (
        "mistral", {"sliding_window": None}, CORE, {"sliding_window": None, "window_size": None},
    ),
    "MiniMax-M2": (
        "minimax_m2", {"rotary_dim": 4, "rope_theta": 5e6}, HOST,
        {"rotary_percent": 0.5, "rotary_base": 5000000, "moe_router_score_function": "sigmoid"},
    ),
    "Qwen3-Next: the hosts multiply": (
        "qwen3_next", {"rope_parameters": {"partial_rotary_factor": 0.25}}, HOST,
        {"rotary_percent": 1.0, "partial_rotary_factor": 0.25},
    ),
    "Qwen3-Next without linear attention": (
        "qwen3_next", {"layer_types": ["full_attention"] * 4}, HOST, {"full_attention_interval": 1},
    ),
    "Qwen3.5 with an order of its own": (
        "qwen3_5_text", {"layer_types": ["full_attention"] + ["linear_attention"] * 3}, CORE,
        {"linear_attention_freq": [0, 1, 1, 1], "rotary_percent": 0.25},
    ),
    "Gemma 2 27B": (
        "gemma2", {"query_pre_attn_scalar": 144, "sliding_window": 4096}, HOST,
        {"query_pre_attn_scalar": 144, "attn_logit_softcapping": 50.0, "gelu_tanh": True,
         "output_logit_softcapping": 30.0, "interleave_sliding_window": 4096, "swiglu": False,
         "window_attn_skip_freq": [1, 0, 1, 0], "add_rmsnorm_offset": True,
         "untie_embeddings_and_output_weights": False},
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", EXPECTED)
def test_the_args_have_what_config_says(case, tmp_path):
    model_type, config, target, expected = EXPECTED[case]
    args = args_of(tmp_path, model_type, target, **config)
    assert {name: args.get(name, "no such name") for name in expected} == expected


def test_a_list_with_a_number_per_layer_counts_noop_layers(tmp_path):
    model = model_of(tmp_path, "qwen3_moe", mlp_only_layers=[1], sliding_window=None)
    options = ConvertOptions("hf", "mg", tmp_path, tmp_path / "mg", target=CORE)
    layout = Layout(noop_layers=(1, 5))
    args = build_args(Target(model, layout, options), by_name("bfloat16"))
    assert args.num_layers == 6
    assert args.moe_layer_freq == [1, 0, 0, 1, 1, 0]


REFUSED = {
    "llama": {"hidden_act": "gelu"},
    "qwen3": {"hidden_act": "relu"},
    "gemma2": {"hidden_activation": "gelu"},
    "deepseek_v2": {"scoring_func": "sigmoid"},
    "deepseek_v3": {"rope_interleave": False},
    "deepseek_v32": {"topk_method": "greedy"},
    "minimax_m2": {"scoring_func": "softmax"},
    "gpt_oss": {"swiglu_alpha": 1.5},
}


@pytest.mark.parametrize("model_type", REFUSED)
def test_what_megatron_has_no_model_of_is_refused_by_name(model_type, tmp_path):
    model_of(tmp_path, model_type)
    ((key, value),) = REFUSED[model_type].items()
    with pytest.raises(InputError, match=f"{key}={value!r}"):
        model_of(tmp_path, model_type, **REFUSED[model_type])


MISSING = {
    "core lacks longrope": ("phi3", {"rope_scaling": LONG}, CORE, "rope scaling 'longrope'"),
    "MindSpeed-LLM has longrope": ("phi3", {"rope_scaling": LONG}, HOST, ""),
    "Llama 3.2 in core": (
        "llama", {"rope_scaling": {**LLAMA31, "low_freq_factor": 2.0}}, CORE, "low_freq_factor=2.0",
    ),
    "Llama 3.1 in core": ("llama", {"rope_scaling": LLAMA31}, CORE, ""),
    "YaRN in early core": (
        "qwen2", {"rope_scaling": YARN4}, "megatron-core-0.12", "rope scaling 'yarn'",
    ),
    "a factor of its own": (
        "qwen2", {"rope_scaling": {**YARN4, "attention_factor": 1.5}}, CORE, "attention_factor=1.5",
    ),
    "a scaling of tomorrow": ("qwen2", {"rope_scaling": {"type": "new"}}, HOST, "'new'"),
    "windows of some layers": ("qwen2", UPPER, HOST, "sliding_window=16 in some layers only"),
    "windows of some layers in core": ("qwen2", UPPER, CORE, ""),
    "Gemma 2's windows": ("gemma2", {"sliding_window": 16}, HOST, ""),
    "weights that do not sum to one": (
        "deepseek_v3", {"norm_topk_prob": False}, CORE, "norm_topk_prob=False",
    ),
    "R1": ("deepseek_v3", {"rope_scaling": R1}, CORE, ""),
}  # fmt: skip


@pytest.mark.parametrize("case", MISSING)
def test_what_the_loader_has_no_option_for_is_named(case, tmp_path):
    model_type, config, target, named = MISSING[case]
    found = "; ".join(missing_options(model_of(tmp_path, model_type, **config), TARGETS[target]))
    assert named in found
    assert bool(found) is bool(named)


def test_routing_and_rotated_part_of_a_trained_checkpoint_are_compared(tmp_path):
    model = model_of(
        tmp_path, "glm4_moe", num_experts_per_tok=8, routed_scaling_factor=2.5, **{}
    )  # fmt: skip
    same = {
        "moe_router_topk": 8, "moe_router_topk_scaling_factor": 2.5, "rotary_percent": 0.5,
    }  # fmt: skip
    assert list(differences(model, same)) == []
    changed = {name: value * 2 for name, value in same.items()}
    assert {found.name for found in differences(model, changed)} == set(same)
    hosts = {"rotary_percent": 1.0, "partial_rotary_factor": 0.5}
    assert list(differences(model, hosts)) == []


# Keys that change what a model computes and no shape of its tensors.
OF_THE_FUNCTION = (
    "attention_bias", "attn_logit_softcapping", "final_logit_softcapping", "n_group",
    "norm_topk_prob", "num_experts_per_tok", "query_pre_attn_scalar", "rms_norm_eps",
    "routed_scaling_factor", "tie_word_embeddings", "topk_group", "use_qk_norm",
)  # fmt: skip
# What absence means in most families; one group is none.
OURS = {"norm_topk_prob": True, "rms_norm_eps": 1e-6, "n_group": 1, "topk_group": 1}


@pytest.mark.parametrize("name", sorted({models().get(name).name for name in models()}))
def test_an_absent_key_means_what_it_means_in_transformers(name, tmp_path):
    auto = pytest.importorskip("transformers.models.auto.configuration_auto")
    (model_type, *_) = models().get(name).model_types
    if model_type not in auto.CONFIG_MAPPING:
        pytest.skip(f"this transformers has no {model_type}")
    theirs = auto.CONFIG_MAPPING[model_type]().to_dict()
    config = model_of(tmp_path, model_type).sizes.config
    for key in (key for key in OF_THE_FUNCTION if theirs.get(key) is not None):
        assert (key, config.get(key, OURS.get(key, False))) == (key, theirs[key])
    model = model_of(tmp_path, model_type)
    rope = theirs.get("rope_parameters") or {}
    options = ConvertOptions("hf", "mg", tmp_path, tmp_path / "mg", target=CORE)
    args = build_args(Target(model, Layout(), options), by_name("bfloat16"))
    assert args.rotary_base == rope["rope_theta"]
    share = rope.get("partial_rotary_factor", 1.0)
    assert share in (args.rotary_percent, getattr(args, "partial_rotary_factor", None))
