"""What comes back from Megatron's format loads with from_pretrained: the same logits."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mindspeed_rl_ext.checkpoint.convert import convert
from mindspeed_rl_ext.checkpoint.options import ConvertOptions
from mindspeed_rl_ext.core.errors import InputError

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

MOE = {"num_experts_per_tok": 2, "moe_intermediate_size": 16}
LATENT = {
    "kv_lora_rank": 12, "qk_nope_head_dim": 8, "qk_rope_head_dim": 4, "v_head_dim": 8,
    "n_routed_experts": 4, "first_k_dense_replace": 1, "n_shared_experts": 2,
    "num_key_value_heads": 4, **MOE,
}  # fmt: skip
FAMILIES = {
    "Llama": {"head_dim": 8},
    "Qwen2": {},
    "Qwen3": {"head_dim": 16},
    "Mistral": {},
    "Phi3": {"pad_token_id": 0},
    "Mixtral": {"num_local_experts": 4, "num_experts_per_tok": 2},
    "Qwen2Moe": {**MOE, "num_experts": 4, "shared_expert_intermediate_size": 24},
    "Qwen3Moe": {**MOE, "num_experts": 4, "head_dim": 16},
    "SeedOss": {"head_dim": 16, "attention_bias": True, "attention_out_bias": False,
                "mlp_bias": False, "pad_token_id": 0},
    "Gemma2": {"head_dim": 16, "query_pre_attn_scalar": 16, "tie_word_embeddings": True},
    "Glm4Moe": {
        **MOE, "n_routed_experts": 4, "n_shared_experts": 1, "first_k_dense_replace": 1,
        "head_dim": 16, "attention_bias": True, "use_qk_norm": True, "n_group": 1, "topk_group": 1,
        "num_nextn_predict_layers": 0,
    },
    "MiniMaxM2": {
        "num_local_experts": 4, "num_experts_per_tok": 2, "head_dim": 16, "rotary_dim": 8,
    },
    "DeepseekV32": {
        **LATENT, "q_lora_rank": 10, "n_group": 2, "topk_group": 1, "num_nextn_predict_layers": 0,
        "index_n_heads": 2, "index_head_dim": 8, "index_topk": 16,
    },
    "Qwen3Next": {
        **MOE, "num_experts": 4, "shared_expert_intermediate_size": 24, "head_dim": 16,
        "linear_num_key_heads": 2, "linear_num_value_heads": 4, "linear_key_head_dim": 8,
        "linear_value_head_dim": 6, "full_attention_interval": 3,
    },
    "Qwen3_5": {
        "head_dim": 16, "linear_num_key_heads": 2, "linear_num_value_heads": 4,
        "linear_key_head_dim": 8, "linear_value_head_dim": 6, "full_attention_interval": 3,
    },
    "Qwen3_5Moe": {
        **MOE, "num_experts": 4, "shared_expert_intermediate_size": 24, "head_dim": 16,
        "linear_num_key_heads": 2, "linear_num_value_heads": 4, "linear_key_head_dim": 8,
        "linear_value_head_dim": 6, "full_attention_interval": 3,
    },
    "GptOss": {"num_local_experts": 4, "num_experts_per_tok": 2, "head_dim": 16,
               "sliding_window": 6},
    "DeepseekV2": {**LATENT, "q_lora_rank": 10},
    "DeepseekV2-Lite": {**LATENT, "q_lora_rank": None},
    "DeepseekV3": {**LATENT, "q_lora_rank": 10, "n_group": 2, "topk_group": 1,
                   "num_nextn_predict_layers": 0},
}  # fmt: skip
# Families that the hosts cut by no TP.
WITHOUT_TP = ("Qwen3Next",)
# Families of which there are the hosts' names only.
OF_HOSTS = ("Qwen3Next", "DeepseekV32", "Gemma2")
# What a family's layouts must have.
NEEDED = {
    "GptOss": {"moe_grouped_gemm": False, "expert_tensor_parallel_size": 1},
    "Qwen3_5": {"transformer_impl": "transformer_engine"},
    "Qwen3_5Moe": {"transformer_impl": "transformer_engine"},
}
# Families of which there are Megatron core's names only.
OF_CORE = ("GptOss", "Qwen3_5", "Qwen3_5Moe")


def make(family: str, folder: Path):
    torch.manual_seed(1)
    name = family.partition("-")[0]
    try:
        made = getattr(transformers, f"{name}Config")
        config = getattr(transformers, f"{name}TextConfig", made)(
            **{
                "vocab_size": 61,
                "hidden_size": 32,
                "intermediate_size": 48,
                "num_hidden_layers": 3,
                "num_attention_heads": 4,
                "num_key_value_heads": 2,
                "max_position_embeddings": 32,
                "tie_word_embeddings": False,
                "initializer_range": 0.1,
                **FAMILIES[family],
            }
        )
    except AttributeError:
        pytest.skip(f"transformers {transformers.__version__} has no {name}")
    model = getattr(transformers, f"{name}ForCausalLM")(config).eval()
    with torch.no_grad():
        for name, tensor in (*model.named_parameters(), *model.named_buffers()):
            if tensor.dim() == 1 and "inv_freq" not in name:
                tensor.add_(torch.rand_like(tensor) * 0.1)
    model.save_pretrained(folder)
    return model


@pytest.mark.parametrize("family", FAMILIES)
def test_a_model_comes_back_with_the_same_logits(tmp_path, family):
    model = make(family, tmp_path / "hf")
    flags = (
        {"expert_parallel_size": 2, "moe_grouped_gemm": True}
        if "num_experts_per_tok" in FAMILIES[family]
        else {}
    )
    flags |= NEEDED.get(family, {})
    mg, back = tmp_path / "mg", tmp_path / "back"
    tp = 1 if family in WITHOUT_TP else 2
    convert(ConvertOptions("hf", "mg", tmp_path / "hf", mg, tp, 3, verify=True, **flags))
    convert(ConvertOptions("mg", "hf", mg, back, hf_cfg_dir=tmp_path / "hf", verify=True))
    loaded = transformers.AutoModelForCausalLM.from_pretrained(back, dtype=torch.float32).eval()
    tokens = torch.arange(20).reshape(2, 10)
    with torch.no_grad():
        expected, found = model(tokens).logits, loaded(tokens).logits
    assert expected.abs().max() > 0.1
    assert found.equal(expected)


def deepseek3_with_prediction_layer(folder: Path) -> None:
    make("DeepseekV3", folder)
    config = json.loads((folder / "config.json").read_text())
    config["num_nextn_predict_layers"] = 1
    (folder / "config.json").write_text(json.dumps(config))
    from safetensors.torch import load_file, save_file

    tensors = load_file(folder / "model.safetensors")
    tensors["model.layers.3.eh_proj.weight"] = torch.zeros(32, 64)
    tensors["model.layers.3.enorm.weight"] = torch.zeros(32)
    save_file(tensors, folder / "model.safetensors", {"format": "pt"})


def test_prediction_layers_are_refused_by_name_or_left_out(tmp_path):
    hf = tmp_path / "hf"
    deepseek3_with_prediction_layer(hf)
    with pytest.raises(InputError, match=r"model\.layers\.3 and after") as caught:
        convert(ConvertOptions("hf", "mg", hf, tmp_path / "mg"))
    assert "--mtp-num-layers 0" in str(caught.value)
    convert(ConvertOptions("hf", "mg", hf, tmp_path / "mg", mtp_num_layers=0, verify=True))
    back = ConvertOptions("mg", "hf", tmp_path / "mg", tmp_path / "back", mtp_num_layers=0)
    convert(back)
    config = json.loads((tmp_path / "back/config.json").read_text())
    assert config["num_nextn_predict_layers"] == 0
    transformers.AutoModelForCausalLM.from_pretrained(tmp_path / "back")


def test_the_bias_of_the_router_keeps_its_precision(kit, tmp_path):
    make("DeepseekV3", tmp_path / "hf")
    convert(ConvertOptions("hf", "mg", tmp_path / "hf", tmp_path / "mg", params_dtype="bf16"))
    path = tmp_path / "mg/iter_0000001/mp_rank_00/model_optim_rng.pt"
    model = kit.torch_load(path)["model"]
    assert model["decoder.layers.1.mlp.router.expert_bias"].dtype == torch.float32
    assert model["decoder.layers.1.mlp.router.weight"].dtype == torch.bfloat16


def test_nan_are_reported_and_kept(tmp_path, kit, cli):
    import numpy as np

    tensors = kit.write_hf(tmp_path / "hf", kit.tiny(dtype="F32"))
    clean = cli(
        "convert", "--load-model-type", "hf", "--save-model-type", "mg", "--load-dir",
        tmp_path / "hf", "--save-dir", tmp_path / "clean", "--json",
    )  # fmt: skip
    assert json.loads(clean[1])["with_nan"] == []
    name = "model.layers.2.mlp.down_proj.weight"
    tensors[name][3, 5] = np.nan
    tensors["model.norm.weight"][0] = np.inf
    kit.write_safetensors(tmp_path / "hf/model.safetensors", tensors)
    code, out, _ = cli(
        "convert", "--load-model-type", "hf", "--save-model-type", "mg", "--load-dir",
        tmp_path / "hf", "--save-dir", tmp_path / "mg", "--json", "--verify",
    )  # fmt: skip
    assert code == 0
    assert json.loads(out)["with_nan"] == ["decoder.layers.2.mlp.linear_fc2.weight"]
    manifest = json.loads((tmp_path / "mg/manifest.json").read_text())
    assert manifest["with_nan"] == ["decoder.layers.2.mlp.linear_fc2.weight"]


def test_a_flipped_bit_in_a_shard_is_found_by_its_crc(tmp_path, kit, hf_dir):
    convert(ConvertOptions("hf", "mg", hf_dir, tmp_path / "mg", 2))
    path = tmp_path / "mg/iter_0000001/mp_rank_01/model_optim_rng.pt"
    data = bytearray(path.read_bytes())
    array = kit.as_numpy(kit.torch_load(path)["model"]["decoder.layers.2.mlp.linear_fc2.weight"])
    data[data.index(array.tobytes()) + 7] ^= 16
    path.write_bytes(data)
    for save, out in (("hf", "back"), ("mg", "again")):
        with pytest.raises(InputError, match="changed after it was written"):
            convert(ConvertOptions("mg", save, tmp_path / "mg", tmp_path / out))
        assert not (tmp_path / out).exists()


def test_a_shard_saved_without_checksums_is_read(tmp_path, kit, hf_dir):
    if not hasattr(torch.serialization, "set_crc32_options"):
        pytest.skip("this torch always writes CRC-32")
    convert(ConvertOptions("hf", "mg", hf_dir, tmp_path / "mg"))
    path = tmp_path / "mg/iter_0000001/mp_rank_00/model_optim_rng.pt"
    content = kit.torch_load(path)
    torch.serialization.set_crc32_options(False)
    try:
        torch.save(content, path)
    finally:
        torch.serialization.set_crc32_options(True)
    convert(ConvertOptions("mg", "hf", tmp_path / "mg", tmp_path / "back", verify=True))


@pytest.mark.parametrize("dialect", ["0.12", "core"])
@pytest.mark.parametrize("family", FAMILIES)
def test_what_comes_back_from_torch_dist_is_the_source(family, dialect, tmp_path):
    safetensors = pytest.importorskip("safetensors.torch")
    make(family, tmp_path / "hf")
    if family in OF_HOSTS and dialect == "core":
        with pytest.raises(InputError, match="not converted with the names of Megatron core"):
            convert(
                ConvertOptions(
                    "hf", "torch_dist", tmp_path / "hf", tmp_path / "dist", mcore_dialect=dialect
                )
            )
        return
    if family in OF_CORE and dialect != "core":
        pytest.skip("there are Megatron core's names only")
    tp = 1 if family in WITHOUT_TP else 2
    options = {"tensor_parallel_size": tp, "make_vocab_size_divisible_by": 16, "verify": True}
    convert(
        ConvertOptions(
            "hf", "torch_dist", tmp_path / "hf", tmp_path / "dist", mcore_dialect=dialect, **options
        )
    )
    convert(ConvertOptions("auto", "hf", tmp_path / "dist", tmp_path / "back", verify=True))
    expected, found = (
        safetensors.load_file(tmp_path / name / "model.safetensors") for name in ("hf", "back")
    )
    assert set(found) == set(expected)
    assert all(torch.equal(found[name], value) for name, value in expected.items())
