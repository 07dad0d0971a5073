"""A checkpoint that is something else than the model is named as what it is, with the remedy."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mindspeed_rl_ext.checkpoint.convert import convert
from mindspeed_rl_ext.checkpoint.options import ConvertOptions
from mindspeed_rl_ext.core.errors import InputError


def renamed(prefix: str):
    return lambda tensors: {f"{prefix}{name}": array for name, array in tensors.items()}


def with_head(tensors):
    head = {"score.weight": np.zeros((2, 16), "<u2")}
    return {name: a for name, a in tensors.items() if name != "lm_head.weight"} | head


def with_adapter(tensors):
    more = {"model.layers.0.self_attn.q_proj.lora_A.default.weight": np.zeros((2, 16), "<u2")}
    return {**tensors, **more}


def resized(tensors):
    row = np.zeros((3, 16), "<u2")
    names = ("model.embed_tokens.weight", "lm_head.weight")
    return {n: np.concatenate([a, row]) if n in names else a for n, a in tensors.items()}


HF = {
    "wrapper": (renamed("module."), "begin with module.", "unwrapped"),
    "peft": (renamed("base_model.model."), "PEFT", "merge_and_unload"),
    "base model": (renamed("base_model."), "base_model.", "merge"),
    "compiled": (renamed("_orig_mod."), "_orig_mod.", "compiled model"),
    "inner model of another": (renamed("language_model."), "begin with language_model.", "inner"),
    "classifier": (with_head, "head for classification or values (score.weight)", "CausalLM"),
    "adapter": (with_adapter, "LoRA adapter", "merge"),
    "vocabulary": (resized, "the vocabulary was resized: 40 rows", '"vocab_size": 40'),
}


@pytest.mark.parametrize("case", HF)
def test_a_huggingface_directory_of_something_else_is_named(kit, tmp_path, case):
    change, what, remedy = HF[case]
    tensors = kit.write_hf(tmp_path / "hf", kit.tiny())
    kit.write_safetensors(tmp_path / "hf/model.safetensors", change(tensors))
    with pytest.raises(InputError) as caught:
        convert(ConvertOptions("hf", "mg", tmp_path / "hf", tmp_path / "mg"))
    assert what in str(caught.value)
    assert remedy in str(caught.value)
    assert not (tmp_path / "mg").exists()


def test_rank_files_of_a_wrapped_model_are_named(kit, hf_dir, tmp_path):
    torch = pytest.importorskip("torch")
    convert(ConvertOptions("hf", "mg", hf_dir, tmp_path / "mg"))
    path = next((tmp_path / "mg").rglob("*.pt"))
    content = kit.torch_load(path)
    content["model"] = {f"module.{name}": tensor for name, tensor in content["model"].items()}
    torch.save(content, path)
    with pytest.raises(InputError, match=r"begin with module\."):
        convert(ConvertOptions("mg", "hf", tmp_path / "mg", tmp_path / "back"))


@pytest.mark.parametrize("load", ["auto", "mg"])
def test_iterations_without_a_tracker_are_listed(hf_dir, tmp_path, load):
    convert(ConvertOptions("hf", "mg", hf_dir, tmp_path / "mg"))
    (tmp_path / "mg/latest_checkpointed_iteration.txt").unlink()
    with pytest.raises(InputError) as caught:
        convert(ConvertOptions(load, "hf", tmp_path / "mg", tmp_path / "back"))
    assert "iterations iter_0000001" in str(caught.value)
    named = Path(str(caught.value).split("--load-dir ")[1].split(",")[0])
    convert(ConvertOptions(load, "hf", named, tmp_path / "back", verify=True))
