"""Qwen3.5's text model: what core keeps otherwise than HuggingFace, and what is refused."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

from mindspeed_rl_ext.checkpoint.convert import convert
from mindspeed_rl_ext.checkpoint.options import ConvertOptions
from mindspeed_rl_ext.checkpoint.verify import verify
from mindspeed_rl_ext.core.errors import InputError

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")
safetensors = pytest.importorskip("safetensors.torch")
if not hasattr(transformers, "Qwen3_5TextConfig"):
    pytest.skip("this transformers has no Qwen3.5", allow_module_level=True)
FUSED = {"transformer_impl": "transformer_engine"}
_spec = importlib.util.spec_from_file_location(
    "test_transformers", Path(__file__).with_name("test_transformers.py")
)
models = sys.modules.setdefault("test_transformers", importlib.util.module_from_spec(_spec))
if not hasattr(models, "FAMILIES"):
    _spec.loader.exec_module(models)


def tensors_of(folder: Path) -> dict:
    return safetensors.load_file(folder / "model.safetensors")


def test_shards_hold_what_megatron_bridge_puts_there(kit, tmp_path):
    """Written with torch's own functions: sections of each rank, gates behind queries, less one."""
    models.make("Qwen3_5", tmp_path / "hf")
    convert(ConvertOptions("hf", "mg", tmp_path / "hf", tmp_path / "mg", 2, **FUSED))
    path = tmp_path / "mg/iter_0000001/mp_rank_01/model_optim_rng.pt"
    shard, hf = kit.torch_load(path)["model"], tensors_of(tmp_path / "hf")
    linear, at = "model.layers.0.linear_attn.", "decoder.layers.0.self_attention."
    key, value = 2 * 8, 4 * 6
    q, k, v = hf[linear + "in_proj_qkv.weight"].split([key, key, value])
    rest = [hf[f"{linear}in_proj_{name}.weight"] for name in "zba"]
    expected = torch.cat([part.chunk(2)[1] for part in (q, k, v, *rest)])
    assert torch.equal(shard[at + "in_proj.weight"], expected)
    parts = hf[linear + "conv1d.weight"].split([key, key, value])
    assert torch.equal(shard[at + "conv1d.weight"], torch.cat([part.chunk(2)[1] for part in parts]))
    assert torch.equal(shard[at + "A_log"], hf[linear + "A_log"][2:])
    assert torch.equal(shard[at + "out_norm.weight"], hf[linear + "norm.weight"] - 1)
    full, at = "model.layers.2.self_attn.", "decoder.layers.2.self_attention."
    query = hf[full + "q_proj.weight"].reshape(2, 2, 2, 16, -1)[1]  # of the second group
    rows = [query[:, 0].flatten(0, 1), query[:, 1].flatten(0, 1)]
    rows += [hf[f"{full}{name}_proj.weight"][16:] for name in "kv"]
    assert torch.equal(shard[at + "linear_qkv.weight"], torch.cat(rows))


def test_packed_experts_are_read_as_single_ones(tmp_path):
    models.make("Qwen3_5Moe", tmp_path / "hf")
    expected = tensors_of(tmp_path / "hf")
    packed = {name: tensor for name, tensor in expected.items() if ".experts." not in name}
    for layer in range(3):
        at = f"model.layers.{layer}.mlp.experts."
        one = [[expected[f"{at}{n}.{part}_proj.weight"] for n in range(4)]
               for part in ("gate", "up", "down")]  # fmt: skip
        pairs = zip(*one[:2], strict=True)
        packed[at + "gate_up_proj"] = torch.stack([torch.cat(pair) for pair in pairs])
        packed[at + "down_proj"] = torch.stack(one[2])
    safetensors.save_file(packed, tmp_path / "hf/model.safetensors", {"format": "pt"})
    options = {"expert_parallel_size": 2, "verify": True, **FUSED}
    convert(ConvertOptions("hf", "mg", tmp_path / "hf", tmp_path / "mg", **options))
    convert(ConvertOptions("mg", "hf", tmp_path / "mg", tmp_path / "back", verify=True))
    found = tensors_of(tmp_path / "back")
    assert set(found) == set(expected)
    assert all(torch.equal(found[name], value) for name, value in expected.items())


@pytest.mark.parametrize("layout", ["mg", "torch_dist"])
@pytest.mark.parametrize("family", ["Qwen3_5", "Qwen3_5Moe"])
@pytest.mark.parametrize("kind", ["full_attention", "linear_attention"])
def test_layers_may_all_be_of_one_kind(tmp_path, monkeypatch, kind, family, layout):
    monkeypatch.setitem(
        models.FAMILIES, family, {**models.FAMILIES[family], "layer_types": [kind] * 3}
    )
    models.make(family, tmp_path / "hf")
    options = {"verify": True, **FUSED}
    convert(ConvertOptions("hf", layout, tmp_path / "hf", tmp_path / "there", 2, **options))
    convert(ConvertOptions("auto", "hf", tmp_path / "there", tmp_path / "back", verify=True))
    expected, found = tensors_of(tmp_path / "hf"), tensors_of(tmp_path / "back")
    assert all(torch.equal(found[name], value) for name, value in expected.items())


@pytest.mark.parametrize("layout", ["mg", "torch_dist"])
@pytest.mark.parametrize("family", ["Qwen3_5", "Qwen3_5Moe"])
def test_the_prediction_layer_comes_back(tmp_path, family, layout):
    models.make(family, tmp_path / "hf")
    expected = tensors_of(tmp_path / "hf")
    last = "model.layers.2."
    expected |= {
        name.replace(last, "mtp.layers.0."): tensor + 1
        for name, tensor in expected.items()
        if name.startswith(last)
    }
    expected["mtp.fc.weight"] = torch.rand(32, 64)
    for name in ("norm", "pre_fc_norm_embedding", "pre_fc_norm_hidden"):
        expected[f"mtp.{name}.weight"] = torch.rand(32)
    safetensors.save_file(expected, tmp_path / "hf/model.safetensors", {"format": "pt"})
    options = {"mtp_num_layers": 1, "verify": True, **FUSED}
    convert(ConvertOptions("hf", layout, tmp_path / "hf", tmp_path / "there", 2, **options))
    cfg = {"hf_cfg_dir": tmp_path / "hf", "verify": True}
    convert(ConvertOptions("auto", "hf", tmp_path / "there", tmp_path / "back", **cfg))
    found = tensors_of(tmp_path / "back")
    assert set(found) == set(expected)
    assert all(torch.equal(found[name], value) for name, value in expected.items())


def test_a_trained_norm_near_zero_is_resharded_exactly_and_rounded_once_to_hf(kit, tmp_path):
    """Less one, bf16 has steps finer than one plus it: only HuggingFace's value is rounded."""
    models.make("Qwen3_5", tmp_path / "hf")
    options = {"params_dtype": "bf16", **FUSED}
    convert(ConvertOptions("hf", "mg", tmp_path / "hf", tmp_path / "mg", **options))
    path = tmp_path / "mg/iter_0000001/mp_rank_00/model_optim_rng.pt"
    content = kit.torch_load(path)
    name = "decoder.layers.0.self_attention.out_norm.weight"
    trained = torch.tensor([1e-3, -1e-3, 3e-5, 0.4, -0.6, 0.0]).bfloat16()
    content["model"][name] = trained
    torch.save(content, path)
    cfg = {"hf_cfg_dir": tmp_path / "hf", "verify": True}
    convert(ConvertOptions("mg", "mg", tmp_path / "mg", tmp_path / "again", 2, **cfg, **FUSED))
    assert verify(tmp_path / "mg", tmp_path / "again", tmp_path / "hf").ok
    again = kit.torch_load(tmp_path / "again/iter_0000001/mp_rank_01/model_optim_rng.pt")
    assert torch.equal(again["model"][name], trained)
    convert(ConvertOptions("mg", "hf", tmp_path / "mg", tmp_path / "back", **cfg))
    found = tensors_of(tmp_path / "back")["model.layers.0.linear_attn.norm.weight"]
    assert torch.equal(found, (trained.float() + 1).bfloat16())


def test_what_has_no_megatron_model_is_refused_with_the_remedy(tmp_path):
    models.make("Qwen3_5", tmp_path / "hf")
    for flags, remedy in (
        ({}, "--transformer-impl transformer_engine"),
        ({"target": "mindspeed-llm-26.1", **FUSED}, "--target megatron-core-0.16"),
    ):
        with pytest.raises(InputError, match="qwen3_5 is not converted with") as caught:
            convert(ConvertOptions("hf", "mg", tmp_path / "hf", tmp_path / "mg", **flags))
        assert remedy in str(caught.value)
    with pytest.raises(InputError, match="does not divide"):
        convert(ConvertOptions("hf", "mg", tmp_path / "hf", tmp_path / "mg", 4, **FUSED))
