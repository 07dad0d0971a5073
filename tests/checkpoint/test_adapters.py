"""Adapters merged on the way: of PEFT and of the hosts, into any layout, with both roundings."""

from __future__ import annotations

import json
from argparse import Namespace

import numpy as np
import pytest

from mindspeed_rl_ext.checkpoint.adapters.factors import Factors
from mindspeed_rl_ext.checkpoint.convert import convert
from mindspeed_rl_ext.checkpoint.formats import open_checkpoint
from mindspeed_rl_ext.checkpoint.options import ConvertOptions
from mindspeed_rl_ext.checkpoint.tensors import Box
from mindspeed_rl_ext.core.errors import InputError

RANK, ALPHA = 4, 8
LAYERS = ("linear_qkv", "linear_proj", "linear_fc1", "linear_fc2")
TP2PP2 = {"tensor_parallel_size": 2, "pipeline_parallel_size": 2}


@pytest.fixture
def model(kit, tmp_path):
    made = kit.tiny(dtype="F32", bias=False)
    return made, kit.write_hf(tmp_path / "hf", made)


def peft_adapter(kit, folder, tensors, modules=("q_proj", "o_proj", "up_proj"), **config):
    """An adapter of the modules, and the weights that the model has with it."""
    rng, found, merged = np.random.default_rng(1), {}, dict(tensors)
    for name, weight in tensors.items():
        if not name.endswith(tuple(f"{module}.weight" for module in modules)):
            continue
        up, down = (rng.standard_normal(s).astype("<f4")
                    for s in ((weight.shape[0], RANK), (RANK, weight.shape[1])))  # fmt: skip
        module = name.removesuffix(".weight")
        found[f"base_model.model.{module}.lora_A.weight"] = down
        found[f"base_model.model.{module}.lora_B.weight"] = up
        scale = ALPHA / np.sqrt(RANK) if config.get("use_rslora") else ALPHA / RANK
        merged[name] = weight + (scale * (up.astype("f8") @ down)).astype("<f4")
    folder.mkdir()
    kit.write_safetensors(folder / "adapter_model.safetensors", found)
    settings = {"peft_type": "LORA", "r": RANK, "lora_alpha": ALPHA, "bias": "none"}
    settings |= {"target_modules": list(modules), "init_lora_weights": True}
    (folder / "adapter_config.json").write_text(json.dumps({**settings, **config}))
    return merged


def host_adapter(torch, kit, mg, folder, *, beside=False):
    """An adapter in rank files as a host saves it, and the ranks' weights with it."""
    rng, merged, shared = np.random.default_rng(2), {}, {}
    for path in sorted((mg / "iter_0000001").rglob("*.pt")):
        content = kit.torch_load(path)
        model, made = content["model"], {}
        for name, weight in list(model.items()):
            layer = name.removesuffix(".weight")
            if layer.rpartition(".")[2] not in LAYERS:
                if beside:
                    made[name] = weight
                merged[path.parent.name, name] = weight
                continue
            sizes = {"A": (RANK, weight.shape[1]), "B": (weight.shape[0], RANK)}
            whole = "B" if layer.endswith(("linear_proj", "linear_fc2")) else "A"
            pair = {}
            # Eighths: no order of summation changes the bits of a product.
            for kind, size in sizes.items():
                values = torch.from_numpy((rng.integers(-9, 9, size) / 8).astype("<f4"))
                # What TP does not cut is the same on all ranks of a stage.
                key = (path.parent.name.rpartition("_")[2], layer, kind)
                pair[kind] = shared.setdefault(key, values) if kind == whole else values
                made[f"{layer}.lora_{kind}.default.weight"] = pair[kind]
            made[f"{layer}.lora_A.default._extra_state"] = None
            if beside:
                made[f"{layer}.base_layer.weight"] = weight
            change = torch.matmul(pair["B"].float(), pair["A"].float()).to(weight.dtype)
            merged[path.parent.name, name] = weight + (ALPHA / RANK) * change
        to = folder / path.relative_to(mg)
        to.parent.mkdir(parents=True)
        args = Namespace(**{**vars(content["args"]), "lora_r": RANK, "lora_alpha": ALPHA})
        torch.save({**content, "args": args, "model": made}, to)
    (folder / "latest_checkpointed_iteration.txt").write_text("1")
    return merged


def values(folder):
    source = open_checkpoint(folder)
    return {info.ref.name: np.array(source.view(info.ref).array) for info in source.tensors()}


def ranks(kit, folder):
    return {
        (path.parent.name, name): tensor
        for path in (folder / "iter_0000001").rglob("*.pt")
        for name, tensor in kit.torch_load(path)["model"].items()
    }


@pytest.mark.parametrize("config", [{}, {"use_rslora": True}])
def test_a_peft_adapter_is_merged_into_shards(kit, tmp_path, model, config):
    merged = peft_adapter(kit, tmp_path / "lora", model[1], **config)
    hf, mg, back = tmp_path / "hf", tmp_path / "mg", tmp_path / "back"
    convert(ConvertOptions("hf", "mg", hf, mg, lora_load=tmp_path / "lora", verify=True, **TP2PP2))
    convert(ConvertOptions("mg", "hf", mg, back, verify=True))
    found = values(back)
    assert found.keys() == merged.keys()
    for name, expected in merged.items():
        np.testing.assert_allclose(found[name], expected, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("middle", ["mg", "torch_dist"])
def test_the_bits_do_not_depend_on_where_an_adapter_is_merged(kit, tmp_path, model, middle):
    peft_adapter(kit, tmp_path / "lora", model[1])
    hf, plain, lora = tmp_path / "hf", tmp_path / "plain", {"lora_load": tmp_path / "lora"}
    convert(ConvertOptions("hf", "mg", hf, tmp_path / "early", **TP2PP2, **lora))
    convert(ConvertOptions("mg", "hf", tmp_path / "early", tmp_path / "one"))
    convert(ConvertOptions("hf", middle, hf, plain, tensor_parallel_size=2))
    late = ConvertOptions(middle, "hf", plain, tmp_path / "two", hf_cfg_dir=hf, verify=True, **lora)
    convert(late)
    one, two = values(tmp_path / "one"), values(tmp_path / "two")
    assert all(np.array_equal(one[name], two[name]) for name in one)


@pytest.mark.parametrize("beside", [False, True])
@pytest.mark.parametrize("dtype", ["bf16", "fp32"])
def test_a_hosts_adapter_is_merged_bit_by_bit_as_the_host_does(kit, tmp_path, model, beside, dtype):
    torch = pytest.importorskip("torch")
    hf, mg, lora = tmp_path / "hf", tmp_path / "mg", tmp_path / "lora"
    convert(ConvertOptions("hf", "mg", hf, mg, params_dtype=dtype, **TP2PP2))
    expected = host_adapter(torch, kit, mg, lora, beside=beside)
    given = {"load_dir": lora, "lora_r": RANK, "lora_alpha": ALPHA} if beside else {
        "load_dir": mg, "lora_load": lora
    }  # fmt: skip
    options = {"hf_cfg_dir": hf, "lora_rounding": "host", "verify": True, **TP2PP2, **given}
    convert(ConvertOptions("mg", "mg", save_dir=tmp_path / "out", **options))
    found = ranks(kit, tmp_path / "out")
    assert found.keys() == expected.keys()
    for key, tensor in expected.items():
        assert torch.equal(found[key], tensor), key


def test_a_product_has_the_same_bits_in_every_box():
    rng = np.random.default_rng(0)
    up, down = rng.standard_normal((130, 5), "<f4"), rng.standard_normal((5, 700), "<f4")
    factors = Factors((130, 700), 5, 1.0, lambda: (up, down))
    whole = factors.product(Box(0, 130, 0, 700))
    np.testing.assert_allclose(whole, up.astype("f8") @ down, rtol=1e-4, atol=1e-4)
    for box in (Box(3, 100, 0, 700), Box(0, 130, 511, 2), Box(63, 2, 100, 600)):
        rows, cols = slice(box.row, box.row + box.rows), slice(box.col, box.col + box.cols)
        assert np.array_equal(factors.product(box), whole[rows, cols])


REFUSED = {
    "use_dora": True,
    "modules_to_save": ["lm_head"],
    "bias": "all",
    "init_lora_weights": "pissa_niter_4",
    "target_parameters": ["mlp.experts.gate_up_proj"],
    "peft_type": "LOHA",
}


@pytest.mark.parametrize("key", REFUSED)
def test_variants_that_are_more_than_products_are_refused_by_name(kit, tmp_path, model, key):
    peft_adapter(kit, tmp_path / "lora", model[1], **{key: REFUSED[key]})
    options = {"lora_load": tmp_path / "lora"}
    with pytest.raises(InputError, match=key):
        convert(ConvertOptions("hf", "mg", tmp_path / "hf", tmp_path / "mg", **options))
    assert not (tmp_path / "mg").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"lora_r": 8}, "--lora-r 8"),
        ({"lora_alpha": 32}, "--lora-alpha 32"),
        ({"lora_target_modules": ("linear_qkv",)}, "o_proj"),
    ],
)
def test_flags_that_contradict_the_adapter_are_refused(kit, tmp_path, model, options, message):
    peft_adapter(kit, tmp_path / "lora", model[1])
    with pytest.raises(InputError, match=message):
        convert(ConvertOptions("hf", "mg", tmp_path / "hf", tmp_path / "mg",
                               lora_load=tmp_path / "lora", **options))  # fmt: skip


def test_modules_that_the_base_lacks_are_named(kit, tmp_path, model):
    other = {"model.layers.9.self_attn.q_proj.weight": np.zeros((16, 16), "<f4")}
    peft_adapter(kit, tmp_path / "lora", {**model[1], **other})
    with pytest.raises(InputError, match=r"model\.layers\.9\.self_attn\.q_proj"):
        convert(ConvertOptions("hf", "mg", tmp_path / "hf", tmp_path / "mg",
                               lora_load=tmp_path / "lora"))  # fmt: skip


def test_an_adapter_beside_the_weights_is_not_dropped_silently(kit, tmp_path, model):
    torch = pytest.importorskip("torch")
    hf, mg, lora = tmp_path / "hf", tmp_path / "mg", tmp_path / "lora"
    convert(ConvertOptions("hf", "mg", hf, mg, **TP2PP2))
    host_adapter(torch, kit, mg, lora, beside=True)
    with pytest.raises(InputError, match="--lora-r and --lora-alpha merge it"):
        convert(ConvertOptions("mg", "hf", lora, tmp_path / "out", hf_cfg_dir=hf))


@pytest.mark.parametrize("beside", [False, True])
@pytest.mark.parametrize("flags", [{}, {"lora_r": RANK, "lora_alpha": ALPHA}])
def test_an_adapter_of_grouped_experts_is_refused_by_name(kit, tmp_path, model, beside, flags):
    torch = pytest.importorskip("torch")
    hf, mg, lora = tmp_path / "hf", tmp_path / "mg", tmp_path / "lora"
    convert(ConvertOptions("hf", "mg", hf, mg))
    host_adapter(torch, kit, mg, lora, beside=beside)
    (path,) = (lora / "iter_0000001").rglob("*.pt")
    content = kit.torch_load(path)
    content["model"]["decoder.layers.0.mlp.experts.weight1_lora_a"] = torch.ones(2, RANK, 8)
    torch.save(content, path)
    given = {"load_dir": lora} if beside else {"load_dir": mg, "lora_load": lora}
    options = ConvertOptions("mg", "hf", save_dir=tmp_path / "out", hf_cfg_dir=hf, **given, **flags)
    with pytest.raises(InputError, match="grouped experts") as caught:
        convert(options)
    assert "decoder.layers.0.mlp.experts.weight1_lora_a" in caught.value.found
    assert "--lora-r" not in caught.value.remedy
    assert not (tmp_path / "out").exists()


def test_an_adapter_that_is_not_saved_as_safetensors_is_named(kit, tmp_path, model):
    peft_adapter(kit, tmp_path / "lora", model[1])
    saved = tmp_path / "lora" / "adapter_model.safetensors"
    saved.rename(saved.with_suffix(".bin"))
    options = {"lora_load": tmp_path / "lora"}
    with pytest.raises(InputError, match=r"no adapter_model\.safetensors") as caught:
        convert(ConvertOptions("hf", "mg", tmp_path / "hf", tmp_path / "mg", **options))
    assert caught.value.found == "adapter_model.bin"
    assert "safetensors" in caught.value.remedy


def test_a_run_with_another_adapter_is_not_resumed(kit, tmp_path, model):
    from mindspeed_rl_ext.checkpoint.identity import plan_id
    from mindspeed_rl_ext.checkpoint.job import plan_job

    peft_adapter(kit, tmp_path / "lora", model[1])
    peft_adapter(kit, tmp_path / "lora2", model[1], use_rslora=True)
    ids = {
        plan_id(plan_job(ConvertOptions("hf", "mg", tmp_path / "hf", tmp_path / "mg", **more)))
        for more in ({}, {"lora_load": tmp_path / "lora"}, {"lora_load": tmp_path / "lora2"})
    }
    assert len(ids) == 3


def test_peft_merges_the_same(kit, tmp_path):
    peft = pytest.importorskip("peft", reason="peft is not installed")
    transformers = pytest.importorskip("transformers")
    torch = pytest.importorskip("torch")
    config = transformers.Qwen2Config(
        hidden_size=32, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
        intermediate_size=48, vocab_size=64, tie_word_embeddings=False,
    )  # fmt: skip
    base = transformers.Qwen2ForCausalLM(config)
    base.save_pretrained(tmp_path / "hf")
    settings = peft.LoraConfig(
        r=4, lora_alpha=8, target_modules=["q_proj", "v_proj", "down_proj"],
        init_lora_weights=False, rank_pattern={"v_proj": 2}, alpha_pattern={"down_proj": 3},
    )  # fmt: skip
    wrapped = peft.get_peft_model(base, settings)
    wrapped.save_pretrained(tmp_path / "lora")
    expected = wrapped.merge_and_unload()
    mg, out = tmp_path / "mg", tmp_path / "out"
    convert(ConvertOptions("hf", "mg", tmp_path / "hf", mg, lora_load=tmp_path / "lora", **TP2PP2))
    convert(ConvertOptions("mg", "hf", mg, out))
    ours = transformers.Qwen2ForCausalLM.from_pretrained(out)
    tokens = torch.arange(12)[None]
    torch.testing.assert_close(ours(tokens).logits, expected(tokens).logits, rtol=0, atol=1e-6)
