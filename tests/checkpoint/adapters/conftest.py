"""Adapters made on the spot: of PEFT, and of a host in rank files, with what they change."""

from __future__ import annotations

import json
from argparse import Namespace
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest

from mindspeed_rl_ext.checkpoint.formats import open_checkpoint

RANK, ALPHA = 4, 8
LAYERS = ("linear_qkv", "linear_proj", "linear_fc1", "linear_fc2")


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
        made = {}
        for key in (key for key in content if key.startswith("model")):
            made[key] = {}
            for name, weight in content[key].items():
                at = (path.parent.name, key, name)
                changed = _with_adapter(torch, rng, shared, made[key], at, weight, beside)
                merged[at] = weight if changed is None else changed
        to = folder / path.relative_to(mg)
        to.parent.mkdir(parents=True)
        args = Namespace(**{**vars(content["args"]), "lora_r": RANK, "lora_alpha": ALPHA})
        torch.save({**content, "args": args, **made}, to)
    (folder / "latest_checkpointed_iteration.txt").write_text("1")
    return merged


def _with_adapter(torch, rng, shared, made, at, weight, beside):
    """Puts what a host saves of a tensor into `made`; returns the changed weight, if it is one."""
    rank_dir, chunk, name = at
    layer = name.removesuffix(".weight")
    if layer.rpartition(".")[2] not in LAYERS:
        if beside:
            made[name] = weight
        return None
    sizes = {"A": (RANK, weight.shape[1]), "B": (weight.shape[0], RANK)}
    whole = "B" if layer.endswith(("linear_proj", "linear_fc2")) else "A"
    pair = {}
    # Eighths: no order of summation changes the bits of a product.
    for kind, size in sizes.items():
        values = torch.from_numpy((rng.integers(-9, 9, size) / 8).astype("<f4"))
        # What TP does not cut is the same on all ranks of a stage.
        key = (rank_dir.rpartition("_")[2], chunk, layer, kind)
        pair[kind] = shared.setdefault(key, values) if kind == whole else values
        made[f"{layer}.lora_{kind}.default.weight"] = pair[kind]
    made[f"{layer}.lora_A.default._extra_state"] = None
    if beside:
        made[f"{layer}.base_layer.weight"] = weight
    change = torch.matmul(pair["B"].float(), pair["A"].float()).to(weight.dtype)
    return weight + (ALPHA / RANK) * change


def values(folder):
    source = open_checkpoint(folder)
    return {info.ref.name: np.array(source.view(info.ref).array) for info in source.tensors()}


def ranks(kit, folder):
    return {
        (path.parent.name, key, name): tensor
        for path in (folder / "iter_0000001").rglob("*.pt")
        for key, content in kit.torch_load(path).items()
        if key.startswith("model")
        for name, tensor in content.items()
    }


@dataclass(frozen=True)
class Adapters:
    """What tests of adapters use."""

    rank: int = RANK
    alpha: int = ALPHA
    peft: Callable = peft_adapter
    host: Callable = host_adapter
    values: Callable = values
    ranks: Callable = ranks


@pytest.fixture(scope="session")
def adapters() -> Adapters:
    return Adapters()


@pytest.fixture
def model(kit, tmp_path):
    made = kit.tiny(dtype="F32", bias=False)
    return made, kit.write_hf(tmp_path / "hf", made)
