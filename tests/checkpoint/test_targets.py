"""--target: whose names and args are written; single flags override; the default warns."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path

import pytest

from mindspeed_rl_ext.checkpoint.convert import convert
from mindspeed_rl_ext.checkpoint.mapping.targets import TARGETS
from mindspeed_rl_ext.checkpoint.options import ConvertOptions

torch = pytest.importorskip("torch", reason="torch reads the shards")
_spec = importlib.util.spec_from_file_location(
    "grid_expectation", Path(__file__).with_name("grid_expectation.py")
)
grid = sys.modules.setdefault("grid_expectation", importlib.util.module_from_spec(_spec))
if not hasattr(grid, "MODELS"):
    _spec.loader.exec_module(grid)

# Names of latent attention's upward projection of the key, and of the tokenizer.
NAMES = {
    "mindspeed-llm-feb25": ("linear_kvb", "PretrainedFromHF"),
    "mindspeed-llm-2.1": ("linear_kvb", "PretrainedFromHF"),
    "mindspeed-llm-2.2": ("linear_kv_up_proj", "PretrainedFromHF"),
    "mindspeed-llm-26.1": ("linear_kv_up_proj", "PretrainedFromHF"),
    "mindspeed-rl-2.2": ("linear_kvb", "PretrainedFromHF"),
    "mindspeed-rl-2.3": ("linear_kv_up_proj", "PretrainedFromHF"),
    "megatron-core-0.12": ("linear_kv_up_proj", "HuggingFaceTokenizer"),
    "megatron-core-0.16": ("linear_kv_up_proj", "HuggingFaceTokenizer"),
}


@pytest.fixture
def latent(kit, tmp_path) -> Path:
    model = grid.MODELS["deepseek3"]
    (tmp_path / "latent").mkdir()
    config = {
        **grid.config_of(model), "routed_scaling_factor": 2.5, "n_group": 2, "topk_group": 1,
        "scoring_func": "sigmoid", "norm_topk_prob": True, "attention_dropout": 0.0,
    }  # fmt: skip
    (tmp_path / "latent/config.json").write_text(json.dumps(config))
    kit.write_safetensors(tmp_path / "latent/model.safetensors", grid.tensors_of(model))
    return tmp_path / "latent"


def written(kit, hf: Path, out: Path, **options):
    convert(ConvertOptions("hf", "mg", hf, out, **options))
    return kit.torch_load(next(out.rglob("*.pt")))


@pytest.mark.parametrize("target", NAMES)
def test_a_target_fixes_names_and_args(kit, latent, tmp_path, target):
    content = written(kit, latent, tmp_path / "mg", target=target)
    up, tokenizer = NAMES[target]
    assert f"decoder.layers.0.self_attention.{up}.weight" in content["model"]
    core = target.startswith("megatron")
    fused = "decoder.layers.0.self_attention.linear_qkv.weight"
    assert (fused in content["model"]) is not core
    assert content["args"].tokenizer_type == tokenizer
    assert content["args"].moe_layer_freq == ([0, 1, 1, 1] if core else 1)
    convert(ConvertOptions("mg", "hf", tmp_path / "mg", tmp_path / "back", verify=True))


def test_every_target_is_tried_or_of_a_line_that_is():
    lines = {name.rpartition("-")[0] for name in NAMES}
    assert {name.rpartition("-")[0] for name in TARGETS} == lines


def test_a_flag_goes_before_the_target(kit, latent, tmp_path):
    options = {"target": "mindspeed-llm-2.1", "mcore_dialect": "0.12"}
    content = written(kit, latent, tmp_path / "mg", **options)
    assert "decoder.layers.0.self_attention.linear_kv_up_proj.weight" in content["model"]


def test_the_default_warns_where_names_differ_between_targets(
    kit, latent, hf_dir, tmp_path, caplog
):
    written(kit, latent, tmp_path / "a")
    assert "--target" in caplog.text
    caplog.clear()
    written(kit, latent, tmp_path / "b", target="mindspeed-llm-26.1")
    written(kit, latent, tmp_path / "c", mcore_dialect="0.8")
    written(kit, hf_dir, tmp_path / "d")
    convert(ConvertOptions("mg", "hf", tmp_path / "b", tmp_path / "e"))
    assert "--target" not in caplog.text


# What load_args_from_checkpoint of Megatron core 0.8, 0.12 and 0.16 takes over by force, and a
# model without it would be built otherwise.
FORCED = {
    "num_query_groups", "group_query_attention", "position_embedding_type",
    "add_position_embedding", "use_rotary_position_embeddings", "rotary_base", "rotary_percent",
    "rotary_interleaved", "add_bias_linear", "add_qkv_bias", "squared_relu", "swiglu",
    "untie_embeddings_and_output_weights", "apply_layernorm_1p", "normalization",
    "apply_query_key_layer_scaling", "attention_dropout", "hidden_dropout", "num_experts",
    "moe_layer_freq", "moe_ffn_hidden_size", "moe_router_topk", "moe_router_pre_softmax",
    "moe_grouped_gemm", "moe_shared_expert_intermediate_size", "moe_router_score_function",
    "moe_router_enable_expert_bias", "moe_router_topk_scaling_factor",
    "tensor_model_parallel_size", "pipeline_model_parallel_size", "expert_model_parallel_size",
}  # fmt: skip
# What only the run says.
OF_THE_RUN = {
    "micro_batch_size", "global_batch_size", "lr", "train_iters", "load", "save", "load_dir",
    "save_dir", "data_path", "moe_token_dispatcher_type", "tokenizer_model",
}  # fmt: skip


def test_args_hold_what_the_model_needs_and_nothing_of_the_run(kit, latent, tmp_path):
    args = vars(written(kit, latent, tmp_path / "mg", target="megatron-core-0.16")["args"])
    assert set(args) >= FORCED
    assert not OF_THE_RUN & set(args)
    expected = {
        "attention_dropout": 0.0, "hidden_dropout": 0.0, "moe_router_score_function": "sigmoid",
        "moe_router_enable_expert_bias": True, "moe_router_topk_scaling_factor": 2.5,
        "moe_router_num_groups": 2, "moe_router_group_topk": 1, "moe_router_topk": 2,
    }  # fmt: skip
    assert {name: args[name] for name in expected} == expected
