"""Adapters merged on the way: of PEFT and of the hosts, into any layout, with both roundings."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest

from mindspeed_rl_ext.checkpoint.adapters.factors import FactorCache, Factors
from mindspeed_rl_ext.checkpoint.convert import convert
from mindspeed_rl_ext.checkpoint.options import ConvertOptions
from mindspeed_rl_ext.checkpoint.tensors import Box
from mindspeed_rl_ext.core.errors import InputError

TP2PP2 = {"tensor_parallel_size": 2, "pipeline_parallel_size": 2}
RANK, ALPHA = 4, 8  # as conftest makes adapters


@pytest.mark.parametrize("config", [{}, {"use_rslora": True}])
def test_a_peft_adapter_is_merged_into_shards(adapters, kit, tmp_path, model, config):
    merged = adapters.peft(kit, tmp_path / "lora", model[1], **config)
    hf, mg, back = tmp_path / "hf", tmp_path / "mg", tmp_path / "back"
    convert(ConvertOptions("hf", "mg", hf, mg, lora_load=tmp_path / "lora", verify=True, **TP2PP2))
    convert(ConvertOptions("mg", "hf", mg, back, verify=True))
    found = adapters.values(back)
    assert found.keys() == merged.keys()
    for name, expected in merged.items():
        np.testing.assert_allclose(found[name], expected, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("middle", ["mg", "torch_dist"])
def test_the_bits_do_not_depend_on_where_an_adapter_is_merged(
    adapters, kit, tmp_path, model, middle
):
    adapters.peft(kit, tmp_path / "lora", model[1])
    hf, plain, lora = tmp_path / "hf", tmp_path / "plain", {"lora_load": tmp_path / "lora"}
    convert(ConvertOptions("hf", "mg", hf, tmp_path / "early", **TP2PP2, **lora))
    convert(ConvertOptions("mg", "hf", tmp_path / "early", tmp_path / "one"))
    convert(ConvertOptions("hf", middle, hf, plain, tensor_parallel_size=2))
    late = ConvertOptions(middle, "hf", plain, tmp_path / "two", hf_cfg_dir=hf, verify=True, **lora)
    convert(late)
    one, two = adapters.values(tmp_path / "one"), adapters.values(tmp_path / "two")
    assert all(np.array_equal(one[name], two[name]) for name in one)


def test_an_adapter_is_merged_into_a_model_of_the_same_format(adapters, kit, tmp_path, model):
    merged = adapters.peft(kit, tmp_path / "lora", model[1])
    hf, out, lora = tmp_path / "hf", tmp_path / "out", {"lora_load": tmp_path / "lora"}
    convert(ConvertOptions("hf", "hf", hf, out, verify=True, **lora))
    found = adapters.values(out)
    assert found.keys() == merged.keys()
    for name, expected in merged.items():
        np.testing.assert_allclose(found[name], expected, rtol=1e-6, atol=1e-6)
    with pytest.raises(InputError, match="directory that is read"):
        convert(ConvertOptions("hf", "hf", hf, hf, overwrite=True, **lora))
    with pytest.raises(InputError, match="converts nothing"):
        convert(ConvertOptions("hf", "hf", hf, tmp_path / "copy"))


@pytest.mark.parametrize("beside", [False, True])
@pytest.mark.parametrize("dtype", ["bf16", "fp32"])
def test_a_hosts_adapter_is_merged_bit_by_bit_as_the_host_does(
    adapters, kit, tmp_path, model, beside, dtype
):
    torch = pytest.importorskip("torch")
    hf, mg, lora = tmp_path / "hf", tmp_path / "mg", tmp_path / "lora"
    convert(ConvertOptions("hf", "mg", hf, mg, params_dtype=dtype, **TP2PP2))
    expected = adapters.host(torch, kit, mg, lora, beside=beside)
    given = {"load_dir": lora, "lora_r": RANK, "lora_alpha": ALPHA} if beside else {
        "load_dir": mg, "lora_load": lora
    }  # fmt: skip
    options = {"hf_cfg_dir": hf, "lora_rounding": "host", "verify": True, **TP2PP2, **given}
    convert(ConvertOptions("mg", "mg", save_dir=tmp_path / "out", **options))
    found = adapters.ranks(kit, tmp_path / "out")
    assert found.keys() == expected.keys()
    for key, tensor in expected.items():
        assert torch.equal(found[key], tensor), key


VIRTUAL = {**TP2PP2, "num_layers_per_virtual_pipeline_stage": 1}


def test_an_adapter_in_virtual_stages_is_merged_as_the_host_does(adapters, kit, tmp_path, model):
    torch = pytest.importorskip("torch")
    hf, mg, lora, out = (tmp_path / name for name in ("hf", "mg", "lora", "out"))
    convert(ConvertOptions("hf", "mg", hf, mg, **VIRTUAL))
    expected = adapters.host(torch, kit, mg, lora)
    assert {chunk for _, chunk, _ in expected} == {"model0", "model1"}
    given = {"hf_cfg_dir": hf, "lora_load": lora, "lora_rounding": "host", "verify": True}
    convert(ConvertOptions("mg", "mg", mg, out, **VIRTUAL, **given))
    found = adapters.ranks(kit, out)
    assert found.keys() == expected.keys()
    assert all(torch.equal(found[key], tensor) for key, tensor in expected.items())


def test_the_layouts_of_base_and_adapter_may_differ(adapters, kit, tmp_path, model):
    torch = pytest.importorskip("torch")
    hf, mg, lora = tmp_path / "hf", tmp_path / "mg", tmp_path / "lora"
    convert(ConvertOptions("hf", "mg", hf, mg, **VIRTUAL))
    adapters.host(torch, kit, mg, lora)
    merged = []
    for number, (base, adapter) in enumerate(
        ((mg, lora), (hf, lora), (hf, lora / "iter_0000001"), (mg / "iter_0000001", lora))
    ):
        out, middle = tmp_path / f"out{number}", tmp_path / f"middle{number}"
        given = {"hf_cfg_dir": hf, "lora_load": adapter, "verify": True}
        convert(ConvertOptions("auto", "mg", base, middle, tensor_parallel_size=1 + number % 2,
                               make_vocab_size_divisible_by=16, **given))  # fmt: skip
        convert(ConvertOptions("mg", "hf", middle, out, hf_cfg_dir=hf))
        merged.append(adapters.values(out))
    for other in merged[1:]:
        assert all(np.array_equal(merged[0][name], other[name]) for name in merged[0])


@pytest.mark.parametrize(
    ("args", "flags", "message"),
    [
        ({"lora_r": 16}, {}, "args of .* are of another adapter"),
        ({"lora_r": 16}, {"lora_alpha": 8, "lora_r": RANK}, ""),
        ({"lora_alpha": float("nan")}, {}, "does not say lora_alpha"),
        ({"lora_alpha": True}, {}, "does not say lora_alpha"),
        ({"lora_alpha": None}, {"lora_alpha": float("nan")}, "--lora-alpha is no number"),
        ({"lora_alpha": None, "lora_r": None}, {"lora_alpha": 8.0}, ""),
        ({}, {"lora_r": 8}, "--lora-r 8 is not what"),
        ({}, {"lora_alpha": 9.0}, "--lora-alpha 9 is not what"),
    ],
)
def test_what_the_args_of_an_adapter_say_is_compared(
    adapters, kit, tmp_path, model, args, flags, message
):
    torch = pytest.importorskip("torch")
    hf, mg, lora = tmp_path / "hf", tmp_path / "mg", tmp_path / "lora"
    convert(ConvertOptions("hf", "mg", hf, mg))
    adapters.host(torch, kit, mg, lora)
    (path,) = lora.rglob("*.pt")
    content = kit.torch_load(path)
    for name, value in args.items():
        setattr(content["args"], name, value)
    torch.save(content, path)
    options = ConvertOptions("hf", "mg", hf, tmp_path / "out", lora_load=lora, **flags)
    if not message:
        convert(options)
        return
    with pytest.raises(InputError, match=message):
        convert(options)


def _without_rank(tensors, name):
    up = name.replace("lora_A", "lora_B")
    return {**tensors, name: tensors[name][:0], up: tensors[up][:, :0]}


DOWN = "base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight"
BROKEN = {
    "r is text": ({"r": "4"}, "no usable rank"),
    "r is true": ({"r": True}, "no usable rank"),
    "alpha is no number": ({"lora_alpha": float("nan")}, "no usable rank and alpha"),
    "alpha is infinite": ({"lora_alpha": float("inf")}, "no usable rank and alpha"),
    "alpha leaves float32": ({"lora_alpha": 1e308}, "no usable rank and alpha"),
    "alphas are a list": ({"alpha_pattern": [1]}, "no usable alpha_pattern"),
    "an alpha is text": ({"alpha_pattern": {"q_proj": "x"}}, "no usable alpha_pattern"),
    "a pattern is none": ({"alpha_pattern": {"(": 1}}, "no usable alpha_pattern"),
    "a rank is no integer": ({"rank_pattern": {"q_proj": 2.5}}, "no usable rank_pattern"),
    "another rank": ({"r": 8}, "have another rank than adapter_config.json says"),
    "another rank of one": ({"rank_pattern": {"q_proj": 2}}, "q_proj have another rank"),
    "no rank": (lambda tensors: _without_rank(tensors, DOWN), "q_proj have another rank"),
    "three axes": (lambda tensors: {**tensors, DOWN: tensors[DOWN][None]}, "do not fit"),
    "turned": (lambda tensors: {**tensors, DOWN: tensors[DOWN].T.copy()}, "do not fit"),
    "one of two": (lambda tensors: {k: v for k, v in tensors.items() if k != DOWN}, "lacks"),
    "none": (lambda tensors: {}, "lacks matrices"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_an_adapter_that_cannot_be_is_named(adapters, kit, tmp_path, model, case):
    change, message = BROKEN[case]
    lora = tmp_path / "lora"
    adapters.peft(kit, lora, model[1], **(change if isinstance(change, dict) else {}))
    if callable(change):
        kit.write_safetensors(lora / "adapter_model.safetensors", change(adapters.values(lora)))
    with pytest.raises(InputError, match=message) as caught:
        convert(ConvertOptions("hf", "mg", tmp_path / "hf", tmp_path / "mg", lora_load=lora))
    assert caught.value.remedy
    assert not (tmp_path / "mg").exists()


def test_a_product_has_the_same_bits_in_every_box():
    rng = np.random.default_rng(0)
    up, down = rng.standard_normal((130, 5), "<f4"), rng.standard_normal((5, 700), "<f4")
    factors = Factors((130, 700), 5, 1.0, lambda: (up, down))
    whole = factors.product(Box(0, 130, 0, 700))
    np.testing.assert_allclose(whole, up.astype("f8") @ down, rtol=1e-4, atol=1e-4)
    for box in (Box(3, 100, 0, 700), Box(0, 130, 511, 2), Box(63, 2, 100, 600)):
        rows, cols = slice(box.row, box.row + box.rows), slice(box.col, box.col + box.cols)
        assert np.array_equal(factors.product(box), whole[rows, cols])


def test_matrices_are_loaded_once_for_all_windows_and_given_up_beyond_a_bound():
    loads = []

    def load(name):
        loads.append(name)
        return np.ones((64, 4), "<f4"), np.ones((4, 64), "<f4")

    made = {name: Factors((64, 64), 4, 1.0, partial(load, name)) for name in "abc"}
    one_pair = 2 * 64 * 4 * 4
    held = FactorCache(2 * one_pair).cached(made)
    for _ in range(3):
        for name in "ab":
            held[name].product(Box(0, 64, 0, 64))
    assert loads == ["a", "b"]
    held["c"].product(Box(0, 64, 0, 64))
    held["b"].product(Box(0, 64, 0, 64))
    held["a"].product(Box(0, 64, 0, 64))
    assert loads == ["a", "b", "c", "a"]
    held = FactorCache(1).cached(made)
    held["a"].product(Box(0, 8, 0, 8))
    held["a"].product(Box(8, 8, 0, 8))
    assert loads[4:] == ["a"]


@pytest.mark.parametrize("rank", [1, 3, 64, 300])
def test_a_product_is_right_at_every_rank(rank):
    rng = np.random.default_rng(rank)
    up, down = (rng.integers(-4, 4, s).astype("<f4") for s in ((70, rank), (rank, 530)))
    factors = Factors((70, 530), rank, 1.0, lambda: (up, down))
    assert np.array_equal(factors.product(Box(5, 60, 9, 500)), (up @ down)[5:65, 9:509])


REFUSED = {
    "use_dora": True,
    "modules_to_save": ["lm_head"],
    "bias": "all",
    "init_lora_weights": "pissa_niter_4",
    "target_parameters": ["mlp.experts.gate_up_proj"],
    "peft_type": "LOHA",
}


@pytest.mark.parametrize("key", REFUSED)
def test_variants_that_are_more_than_products_are_refused_by_name(
    adapters, kit, tmp_path, model, key
):
    adapters.peft(kit, tmp_path / "lora", model[1], **{key: REFUSED[key]})
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
def test_flags_that_contradict_the_adapter_are_refused(
    adapters, kit, tmp_path, model, options, message
):
    adapters.peft(kit, tmp_path / "lora", model[1])
    with pytest.raises(InputError, match=message):
        convert(ConvertOptions("hf", "mg", tmp_path / "hf", tmp_path / "mg",
                               lora_load=tmp_path / "lora", **options))  # fmt: skip


def test_modules_that_the_base_lacks_are_named(adapters, kit, tmp_path, model):
    other = {"model.layers.9.self_attn.q_proj.weight": np.zeros((16, 16), "<f4")}
    adapters.peft(kit, tmp_path / "lora", {**model[1], **other})
    with pytest.raises(InputError, match=r"model\.layers\.9\.self_attn\.q_proj"):
        convert(ConvertOptions("hf", "mg", tmp_path / "hf", tmp_path / "mg",
                               lora_load=tmp_path / "lora"))  # fmt: skip


def test_an_adapter_beside_the_weights_is_not_dropped_silently(adapters, kit, tmp_path, model):
    torch = pytest.importorskip("torch")
    hf, mg, lora = tmp_path / "hf", tmp_path / "mg", tmp_path / "lora"
    convert(ConvertOptions("hf", "mg", hf, mg, **TP2PP2))
    adapters.host(torch, kit, mg, lora, beside=True)
    with pytest.raises(InputError, match="--lora-r and --lora-alpha merge it"):
        convert(ConvertOptions("mg", "hf", lora, tmp_path / "out", hf_cfg_dir=hf))


@pytest.mark.parametrize("beside", [False, True])
@pytest.mark.parametrize("flags", [{}, {"lora_r": RANK, "lora_alpha": ALPHA}])
def test_an_adapter_of_grouped_experts_is_refused_by_name(
    adapters, kit, tmp_path, model, beside, flags
):
    torch = pytest.importorskip("torch")
    hf, mg, lora = tmp_path / "hf", tmp_path / "mg", tmp_path / "lora"
    convert(ConvertOptions("hf", "mg", hf, mg))
    adapters.host(torch, kit, mg, lora, beside=beside)
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


def test_an_adapter_that_is_not_saved_as_safetensors_is_named(adapters, kit, tmp_path, model):
    adapters.peft(kit, tmp_path / "lora", model[1])
    saved = tmp_path / "lora" / "adapter_model.safetensors"
    saved.rename(saved.with_suffix(".bin"))
    options = {"lora_load": tmp_path / "lora"}
    with pytest.raises(InputError, match=r"no adapter_model\.safetensors") as caught:
        convert(ConvertOptions("hf", "mg", tmp_path / "hf", tmp_path / "mg", **options))
    assert caught.value.found == "adapter_model.bin"
    assert "safetensors" in caught.value.remedy


def test_a_run_with_another_adapter_is_not_resumed(adapters, kit, tmp_path, model):
    from mindspeed_rl_ext.checkpoint.identity import plan_id
    from mindspeed_rl_ext.checkpoint.job import plan_job

    adapters.peft(kit, tmp_path / "lora", model[1])
    adapters.peft(kit, tmp_path / "lora2", model[1], use_rslora=True)
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
