"""Adapters of the hosts written as PEFT has them (`--save-lora-to-hf`)."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest

from mindspeed_rl_ext.checkpoint.convert import convert
from mindspeed_rl_ext.checkpoint.options import ConvertOptions
from mindspeed_rl_ext.core.errors import InputError

torch = pytest.importorskip("torch")
TP2PP2 = {"tensor_parallel_size": 2, "pipeline_parallel_size": 2}
RANK, ALPHA = 4, 8  # as conftest makes adapters
MODULES = ("down_proj", "gate_proj", "k_proj", "o_proj", "q_proj", "up_proj", "v_proj")


@pytest.fixture
def made(adapters, kit, tmp_path):
    """A model, a host's adapter of it on TP2 PP2, and the model with the adapter merged."""
    hf, mg, lora = tmp_path / "hf", tmp_path / "mg", tmp_path / "lora"
    kit.write_hf(hf, kit.tiny(dtype="F32"))
    convert(ConvertOptions("hf", "mg", hf, mg, **TP2PP2))
    adapters.host(torch, kit, mg, lora)
    return hf, mg, lora


def export(lora, out, hf, **more):
    given = {"hf_cfg_dir": hf, "verify": True, "save_lora_to_hf": True, **more}
    return convert(ConvertOptions("auto", "hf", lora, out, **given))


def gathered(kit, lora, layer, kind, stage="000"):
    """A matrix of all TP ranks of a stage, by the file's own names."""
    return [
        kit.torch_load(path)["model"][f"{layer}.lora_{kind}.default.weight"].numpy()
        for path in sorted((lora / "iter_0000001").glob(f"mp_rank_*_{stage}/*.pt"))
    ]


def test_the_matrices_are_those_of_the_ranks(adapters, kit, tmp_path, made):
    hf, _, lora = made
    out = tmp_path / "peft"
    export(lora, out, hf)
    found = adapters.values(out)
    assert len(found) == 4 * 7 * 2
    ups, layer = [], "decoder.layers.0.mlp.linear_fc1"
    for part in gathered(kit, lora, layer, "B"):
        ups.append(np.split(part, 2))  # gate, up of this rank
    prefix = "base_model.model.model.layers.0.mlp"
    for number, name in enumerate(("gate_proj", "up_proj")):
        whole = np.concatenate([pair[number] for pair in ups])
        assert np.array_equal(found[f"{prefix}.{name}.lora_B.weight"], whole)
        down = gathered(kit, lora, layer, "A")[0]
        assert np.array_equal(found[f"{prefix}.{name}.lora_A.weight"], down)
    cut = np.concatenate(gathered(kit, lora, "decoder.layers.0.mlp.linear_fc2", "A"), axis=1)
    assert np.array_equal(found[f"{prefix}.down_proj.lora_A.weight"], cut)


def test_query_key_and_value_are_taken_out_of_their_groups(adapters, kit, tmp_path, made):
    hf, _, lora = made
    out, tiny = tmp_path / "peft", kit.tiny()
    export(lora, out, hf)
    layer = "decoder.layers.0.self_attention.linear_qkv"
    both = np.concatenate(gathered(kit, lora, layer, "B"))
    of_group = tiny.heads // tiny.groups
    grouped = both.reshape(tiny.groups, of_group + 2, tiny.head_dim, RANK)
    expected = {
        "q_proj": grouped[:, :of_group].reshape(-1, RANK),
        "k_proj": grouped[:, of_group].reshape(-1, RANK),
        "v_proj": grouped[:, of_group + 1].reshape(-1, RANK),
    }
    found = adapters.values(out)
    for name, whole in expected.items():
        prefix = f"base_model.model.model.layers.0.self_attn.{name}"
        assert np.array_equal(found[f"{prefix}.lora_B.weight"], whole)
        assert np.array_equal(found[f"{prefix}.lora_A.weight"], gathered(kit, lora, layer, "A")[0])


def test_the_configuration_is_one_that_peft_reads(tmp_path, made):
    hf, _, lora = made
    export(lora, tmp_path / "peft", hf)
    config = json.loads((tmp_path / "peft" / "adapter_config.json").read_text())
    assert (config["r"], config["lora_alpha"], config["peft_type"]) == (RANK, ALPHA, "LORA")
    assert config["target_modules"] == list(MODULES)
    assert config["base_model_name_or_path"] == str(hf)


def test_real_peft_gives_the_logits_of_the_merged_model(kit, tmp_path, made):
    peft = pytest.importorskip("peft", reason="peft is not installed")
    transformers = pytest.importorskip("transformers")
    hf, mg, lora = made
    export(lora, tmp_path / "peft", hf)
    convert(ConvertOptions("mg", "hf", mg, tmp_path / "merged", lora_load=lora, hf_cfg_dir=hf))
    tokens = torch.arange(12)[None]
    read = transformers.AutoModelForCausalLM.from_pretrained
    plain = read(hf)(tokens).logits
    ours = peft.PeftModel.from_pretrained(read(hf), tmp_path / "peft")(tokens).logits
    merged = read(tmp_path / "merged")(tokens).logits
    assert not torch.allclose(ours, plain, atol=1e-2)
    torch.testing.assert_close(ours, merged, rtol=1e-4, atol=1e-4)


def test_an_exported_adapter_merges_into_the_same_bits_as_the_hosts(adapters, tmp_path, made):
    hf, mg, lora = made
    export(lora, tmp_path / "peft", hf)
    for name in ("lora", "peft"):
        convert(ConvertOptions("mg", "hf", mg, tmp_path / f"by_{name}", hf_cfg_dir=hf,
                               lora_load=tmp_path / name))  # fmt: skip
    one, two = adapters.values(tmp_path / "by_lora"), adapters.values(tmp_path / "by_peft")
    assert all(np.array_equal(one[name], two[name]) for name in one)


def test_the_base_model_tells_where_config_json_is(adapters, tmp_path, made):
    hf, mg, lora = made
    for number, base in enumerate((hf, mg)):
        out = tmp_path / f"peft{number}"
        convert(ConvertOptions("auto", "hf", base, out, lora_load=lora, save_lora_to_hf=True))
        assert len(adapters.values(out)) == 4 * 7 * 2


def test_virtual_stages_are_gathered(adapters, kit, tmp_path, made):
    hf = made[0]
    mg, lora = tmp_path / "virtual", tmp_path / "virtual_lora"
    convert(ConvertOptions("hf", "mg", hf, mg, num_layers_per_virtual_pipeline_stage=1, **TP2PP2))
    adapters.host(torch, kit, mg, lora)
    export(lora, tmp_path / "peft", hf)
    for name in ("virtual_lora", "peft"):
        convert(ConvertOptions("mg", "hf", mg, tmp_path / f"by_{name}", hf_cfg_dir=hf,
                               lora_load=tmp_path / name))  # fmt: skip
    one, two = (adapters.values(tmp_path / f"by_{name}") for name in ("virtual_lora", "peft"))
    assert all(np.array_equal(one[name], two[name]) for name in one)


@pytest.mark.parametrize("part", [{"node": "0/2"}, {"ranks": "tp=0"}])
def test_an_adapter_is_not_written_in_parts(tmp_path, made, part):
    hf, _, lora = made
    with pytest.raises(InputError):
        export(lora, tmp_path / "peft", hf, **part)


def test_only_the_layers_with_an_adapter_are_targets(kit, tmp_path, made):
    hf, _, lora = made
    for path in lora.rglob("*.pt"):
        content = kit.torch_load(path)
        kept = {name: value for name, value in content["model"].items() if "linear_qkv" in name}
        torch.save({**content, "model": kept}, path)
    export(lora, tmp_path / "peft", hf, lora_target_modules=("linear_qkv",))
    config = json.loads((tmp_path / "peft" / "adapter_config.json").read_text())
    assert config["target_modules"] == ["k_proj", "q_proj", "v_proj"]


def test_an_adapter_of_another_model_is_named(kit, tmp_path, made):
    _, _, lora = made
    for changes in ({"layers": 6}, {"hidden": 32}, {"layers": 2}):
        other = tmp_path / f"other{changes}"
        kit.write_hf(other, kit.tiny(**changes))
        with pytest.raises(InputError, match="of another model"):
            export(lora, tmp_path / "peft", other)
        assert not (tmp_path / "peft").exists()


def test_an_adapter_of_peft_and_other_targets_are_refused(tmp_path, made):
    hf, mg, lora = made
    export(lora, tmp_path / "peft", hf)
    with pytest.raises(InputError, match="PEFT already"):
        export(tmp_path / "peft", tmp_path / "again", hf)
    with pytest.raises(InputError, match="no adapter in"):
        export(mg, tmp_path / "again", hf)
    with pytest.raises(InputError, match="--save-lora-to-hf writes"):
        convert(ConvertOptions("mg", "mg", lora, tmp_path / "again", hf_cfg_dir=hf,
                               save_lora_to_hf=True))  # fmt: skip
    with pytest.raises(InputError, match="--lora-target-modules does not name"):
        export(lora, tmp_path / "again", hf, lora_target_modules=("linear_qkv", "linear_proj"))
    assert not (tmp_path / "again").exists()


def test_an_adapter_that_is_there_is_kept_without_overwrite(tmp_path, made):
    hf, _, lora = made
    export(lora, tmp_path / "peft", hf)
    with pytest.raises(InputError, match="holds a checkpoint already"):
        export(lora, tmp_path / "peft", hf)
    export(lora, tmp_path / "peft", hf, overwrite=True)
    export(lora, tmp_path / "dry", hf, dry_run=True, verify=False)


ATTENTION = ("linear_qkv", "linear_proj", "linear_qb", "linear_kvb")
EVERYTHING = (*ATTENTION, "linear_fc1", "linear_fc2")
GATED = {"num_experts_per_tok": 2, "moe_intermediate_size": 16, "head_dim": 16}
LATENT = {
    "kv_lora_rank": 12, "qk_nope_head_dim": 8, "qk_rope_head_dim": 4, "v_head_dim": 8,
    "q_lora_rank": 10, "n_routed_experts": 4, "first_k_dense_replace": 1, "n_shared_experts": 2,
    "num_key_value_heads": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 16,
    "n_group": 2, "topk_group": 1, "num_nextn_predict_layers": 0,
}  # fmt: skip
EXPERTS = {"Qwen3Moe": {**GATED, "num_experts": 4}, "DeepseekV3": LATENT}


def family(adapters, tmp_path, name, layers):
    """A model of a family with experts, and a host's adapter of its layers."""
    transformers = pytest.importorskip("transformers")
    torch.manual_seed(1)
    config = getattr(transformers, f"{name}Config")(
        vocab_size=61, hidden_size=32, intermediate_size=48, num_hidden_layers=2,
        num_attention_heads=4, initializer_range=0.1, tie_word_embeddings=False,
        **{"num_key_value_heads": 2, **EXPERTS[name]},
    )  # fmt: skip
    hf, mg, lora = tmp_path / "hf", tmp_path / "mg", tmp_path / "lora"
    getattr(transformers, f"{name}ForCausalLM")(config).save_pretrained(hf)
    convert(ConvertOptions("hf", "mg", hf, mg))
    (path,) = (mg / "iter_0000001").rglob("*.pt")
    content = torch.load(path, weights_only=False)
    rng, made = np.random.default_rng(3), {}
    for weight, tensor in content["model"].items():
        layer = weight.removesuffix(".weight")
        if layer.rpartition(".")[2] not in layers:
            continue
        for kind, size in {"A": (RANK, tensor.shape[1]), "B": (tensor.shape[0], RANK)}.items():
            values = torch.from_numpy((rng.integers(-9, 9, size) / 32).astype("<f4"))
            made[f"{layer}.lora_{kind}.default.weight"] = values
    args = content["args"]
    args.lora_r, args.lora_alpha = RANK, ALPHA
    (lora / "mp_rank_00").mkdir(parents=True)
    torch.save({**content, "args": args, "model": made}, lora / "mp_rank_00" / path.name)
    return hf, mg, lora


@pytest.mark.parametrize(("name", "layers"), [("Qwen3Moe", EVERYTHING), ("DeepseekV3", ATTENTION)])
def test_adapters_of_models_with_experts_load_in_real_peft(adapters, tmp_path, name, layers):
    peft = pytest.importorskip("peft", minversion="0.19", reason="peft is not installed")
    transformers = pytest.importorskip("transformers", minversion="5")
    hf, mg, lora = family(adapters, tmp_path, name, layers)
    export(lora, tmp_path / "peft", hf)
    convert(ConvertOptions("mg", "hf", mg, tmp_path / "merged", lora_load=lora, hf_cfg_dir=hf))
    tokens = torch.arange(12)[None]
    read = transformers.AutoModelForCausalLM.from_pretrained
    ours = peft.PeftModel.from_pretrained(read(hf), tmp_path / "peft")(tokens).logits
    assert not torch.allclose(ours, read(hf)(tokens).logits, atol=1e-2)
    torch.testing.assert_close(ours, read(tmp_path / "merged")(tokens).logits, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("name", "layers", "named"),
    [
        ("DeepseekV3", ("linear_fc1", "linear_fc2"), "shared_experts"),
        ("Qwen3Moe", ("linear_fc1",), r"experts\.0\.gate_proj"),
    ],
)
def test_what_peft_would_drop_silently_is_refused(adapters, tmp_path, name, layers, named):
    hf, mg, lora = family(adapters, tmp_path, name, layers)
    with pytest.raises(InputError, match="drops matrices silently") as caught:
        export(lora, tmp_path / "peft", hf)
    assert re.search(named, caught.value.found)
    assert not (tmp_path / "peft").exists()
    convert(ConvertOptions("mg", "hf", mg, tmp_path / "out", lora_load=lora, hf_cfg_dir=hf))
