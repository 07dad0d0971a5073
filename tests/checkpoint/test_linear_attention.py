"""Qwen3-Next: layers of two kinds of attention, and a prediction layer with names of its own."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path

import pytest

from mindspeed_rl_ext.checkpoint.convert import convert
from mindspeed_rl_ext.checkpoint.options import ConvertOptions
from mindspeed_rl_ext.checkpoint.verify import verify
from mindspeed_rl_ext.core.errors import InputError

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")
safetensors = pytest.importorskip("safetensors.torch")
INTERVAL = 2
LAYERS = 4
FULL = "self_attn.q_proj.weight"


def beside(name: str):
    spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
    module = sys.modules.setdefault(name, importlib.util.module_from_spec(spec))
    if not hasattr(module, "FAMILIES"):
        spec.loader.exec_module(module)
    return module


def make_with_prediction(folder: Path) -> None:
    """A model as it is published: transformers itself has no prediction layer."""
    models = beside("test_transformers")
    sizes = dict(models.FAMILIES["Qwen3Next"])
    models.FAMILIES["Qwen3Next"] = {
        **sizes, "full_attention_interval": INTERVAL, "num_hidden_layers": LAYERS,
    }  # fmt: skip
    try:
        models.make("Qwen3Next", folder)
    finally:
        models.FAMILIES["Qwen3Next"] = sizes
    tensors = safetensors.load_file(folder / "model.safetensors")
    last = f"model.layers.{LAYERS - 1}."
    more = {
        name.replace(last, "mtp.layers.0."): tensor + 1
        for name, tensor in tensors.items()
        if name.startswith(last)
    }
    hidden = tensors["model.norm.weight"].numel()
    more["mtp.fc.weight"] = torch.rand(hidden, 2 * hidden)
    for name in ("mtp.norm", "mtp.pre_fc_norm_embedding", "mtp.pre_fc_norm_hidden"):
        more[f"{name}.weight"] = torch.rand(hidden)
    assert f"mtp.layers.0.{FULL}" in more
    safetensors.save_file({**tensors, **more}, folder / "model.safetensors", {"format": "pt"})


def equal_models(one: Path, other: Path) -> bool:
    first, second = (safetensors.load_file(path / "model.safetensors") for path in (one, other))
    return set(first) == set(second) and all(torch.equal(first[n], second[n]) for n in first)


@pytest.fixture
def published(tmp_path) -> Path:
    make_with_prediction(tmp_path / "hf")
    return tmp_path / "hf"


@pytest.mark.parametrize("layout", ["mg", "torch_dist"])
def test_the_model_with_its_prediction_layer_comes_back(published, tmp_path, layout):
    there = {"mtp_num_layers": 1, "target": "mindspeed-llm-26.1", "verify": True}
    convert(ConvertOptions("hf", layout, published, tmp_path / "there", **there))
    convert(ConvertOptions("auto", "hf", tmp_path / "there", tmp_path / "back", verify=True))
    assert equal_models(published, tmp_path / "back")
    assert verify(published, tmp_path / "there").ok


def test_hosts_find_the_sizes_of_linear_attention_in_the_args(published, tmp_path, kit):
    options = {"mtp_num_layers": 1, "target": "mindspeed-llm-26.1"}
    convert(ConvertOptions("hf", "mg", published, tmp_path / "mg", **options))
    args = kit.torch_load(tmp_path / "mg/iter_0000001/mp_rank_00/model_optim_rng.pt")["args"]
    assert args.full_attention_interval == INTERVAL
    assert (args.linear_num_key_heads, args.linear_num_value_heads) == (2, 4)
    assert (args.linear_key_head_dim, args.linear_value_head_dim) == (8, 6)
    assert args.mtp_num_layers == 1


def test_the_prediction_layer_is_refused_by_name_or_left_out(published, tmp_path):
    with pytest.raises(InputError, match=r"1: mtp\.layers\.0 and after"):
        convert(ConvertOptions("hf", "mg", published, tmp_path / "mg"))
    convert(ConvertOptions("hf", "mg", published, tmp_path / "mg", mtp_num_layers=0, verify=True))
    convert(ConvertOptions("mg", "hf", tmp_path / "mg", tmp_path / "back", verify=True))
    left = safetensors.load_file(tmp_path / "back/model.safetensors")
    assert left
    assert not any(name.startswith("mtp.") for name in left)


def test_layouts_that_no_host_has_are_refused_with_the_reason(published, tmp_path):
    zero = {"mtp_num_layers": 0}
    with pytest.raises(InputError, match="tensor parallelism") as tensor:
        convert(ConvertOptions("hf", "mg", published, tmp_path / "a", 2, **zero))
    assert "--target-tensor-parallel-size 1" in str(tensor.value)
    target = {"target": "megatron-core-0.16"}
    with pytest.raises(InputError, match="names of Megatron core") as core:
        convert(ConvertOptions("hf", "mg", published, tmp_path / "a", **zero, **target))
    assert "a norm less one" in str(core.value)
    assert not (tmp_path / "a").exists()


def test_kinds_of_layers_are_read_in_both_spellings(published, tmp_path):
    config = json.loads((published / "config.json").read_text())
    kinds = config.pop("layer_types")
    assert [kind.partition("_")[0] for kind in kinds] == ["linear", "full"] * 2
    older = {**config, "full_attention_interval": INTERVAL}
    (published / "config.json").write_text(json.dumps(older))
    options = {"mtp_num_layers": 0, "verify": True}
    convert(ConvertOptions("hf", "mg", published, tmp_path / "mg", **options))
    (published / "config.json").write_text(json.dumps({**config, "layer_types": kinds[:3]}))
    with pytest.raises(InputError, match="no usable layer_types"):
        convert(ConvertOptions("hf", "mg", published, tmp_path / "again", **options))
