"""Latent attention under transformer_engine's names: what core 0.12 cuts, 0.16 keeps whole."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

from mindspeed_rl_ext.checkpoint.convert import convert
from mindspeed_rl_ext.checkpoint.formats import open_checkpoint
from mindspeed_rl_ext.checkpoint.options import ConvertOptions
from mindspeed_rl_ext.core.errors import InputError

torch = pytest.importorskip("torch")
safetensors = pytest.importorskip("safetensors.torch")
pytest.importorskip("transformers")
TE = {"transformer_impl": "transformer_engine"}
Q_RANK, KV_RANK, ROPE, HIDDEN = 10, 12, 4, 32
_spec = importlib.util.spec_from_file_location(
    "test_transformers", Path(__file__).with_name("test_transformers.py")
)
models = sys.modules.setdefault("test_transformers", importlib.util.module_from_spec(_spec))
if not hasattr(models, "FAMILIES"):
    _spec.loader.exec_module(models)


def attention_of(kit, folder: Path, layer: int) -> dict:
    content = kit.torch_load(folder / "iter_0000001/mp_rank_01/model_optim_rng.pt")["model"]
    at = f"decoder.layers.{layer}."
    return {name.removeprefix(at): value for name, value in content.items() if at in name}


@pytest.mark.parametrize(("version", "cut"), [("0.12", 2), ("0.16", 1)])
def test_each_core_gets_the_downward_projections_that_it_loads(kit, tmp_path, version, cut):
    models.make("DeepseekV3", tmp_path / "hf")
    target = {"target": f"megatron-core-{version}", **TE}
    convert(ConvertOptions("hf", "mg", tmp_path / "hf", tmp_path / "mg", 2, verify=True, **target))
    layer = attention_of(kit, tmp_path / "mg", 0)
    at = "self_attention."
    assert layer[at + "linear_q_down_proj.weight"].shape == (Q_RANK // cut, HIDDEN)
    assert layer[at + "linear_kv_down_proj.weight"].shape == ((KV_RANK + ROPE) // cut, HIDDEN)
    assert layer[at + "linear_q_up_proj.layer_norm_weight"].shape == (Q_RANK,)
    assert layer[at + "linear_kv_up_proj.layer_norm_weight"].shape == (KV_RANK,)
    assert layer["input_layernorm.weight"].shape == (HIDDEN,)
    assert layer["mlp.linear_fc1.layer_norm_weight"].shape == (HIDDEN,)  # the first is dense
    assert "pre_mlp_layernorm.weight" in attention_of(kit, tmp_path / "mg", 1)
    convert(ConvertOptions("mg", "hf", tmp_path / "mg", tmp_path / "back", verify=True))
    expected, found = (
        safetensors.load_file(tmp_path / name / "model.safetensors") for name in ("hf", "back")
    )
    assert all(torch.equal(found[name], value) for name, value in expected.items())


def test_one_layout_becomes_the_other(tmp_path):
    models.make("DeepseekV3", tmp_path / "hf")
    for source, to, version in (("hf", "a", "0.12"), ("a", "b", "0.16"), ("b", "c", "0.12")):
        target = {"target": f"megatron-core-{version}", **TE, "verify": True}
        folders = (tmp_path / source, tmp_path / to)
        convert(ConvertOptions("auto", "mg", *folders, 2, hf_cfg_dir=tmp_path / "hf", **target))
    one, two = (open_checkpoint(tmp_path / name) for name in "ab")
    assert (one.layout.whole_down, two.layout.whole_down) == (False, True)


def test_torch_dist_has_the_fused_names_where_core_has_them(tmp_path):
    models.make("DeepseekV3", tmp_path / "hf")
    names = {}
    for kind, more in (("local", {}), ("te", TE)):
        target = {"target": "megatron-core-0.16", **more, "verify": True}
        convert(ConvertOptions("hf", "torch_dist", tmp_path / "hf", tmp_path / kind, 2, **target))
        convert(ConvertOptions("auto", "hf", tmp_path / kind, tmp_path / f"{kind}-back",
                               verify=True))  # fmt: skip
        names[kind] = set(open_checkpoint(tmp_path / kind).metadata.tensors)
    at = "decoder.layers.0."
    assert at + "self_attention.q_layernorm.weight" in names["local"]
    assert at + "pre_mlp_layernorm.weight" in names["local"]
    assert at + "self_attention.linear_q_up_proj.layer_norm_weight" in names["te"]
    assert at + "self_attention.linear_kv_up_proj.layer_norm_weight" in names["te"]
    assert at + "input_layernorm.weight" in names["te"] & names["local"]
    assert at + "mlp.linear_fc1.layer_norm_weight" in names["te"]
    assert "decoder.layers.1.pre_mlp_layernorm.weight" in names["te"]


def test_the_names_of_hosts_under_transformer_engine_are_refused(tmp_path):
    models.make("DeepseekV3", tmp_path / "hf")
    with pytest.raises(InputError, match="names are not known") as caught:
        convert(ConvertOptions("hf", "mg", tmp_path / "hf", tmp_path / "mg", **TE))
    assert "--target megatron-core-0.16" in str(caught.value)
