"""Trained checkpoints: Megatron's own classes in the pickle, optimizer and rng state beside."""

from __future__ import annotations

import argparse
import collections
import enum
import io
import sys
import types

import pytest

from mindspeed_rl_ext.checkpoint.convert import convert
from mindspeed_rl_ext.checkpoint.options import ConvertOptions
from mindspeed_rl_ext.checkpoint.verify import verify
from mindspeed_rl_ext.core.errors import InputError

torch = pytest.importorskip("torch", reason="torch writes the trained checkpoint")


@pytest.fixture
def enums():
    """A module that exists while the checkpoint is saved and is gone when it is read."""
    module = types.ModuleType("gone_megatron")
    module.ModelType = enum.Enum("ModelType", "encoder_or_decoder", module="gone_megatron")
    module.silu = lambda x: x
    module.silu.__module__, module.silu.__qualname__ = "gone_megatron", "silu"
    sys.modules["gone_megatron"] = module
    yield module
    sys.modules.pop("gone_megatron", None)


def train(kit, folder, enums, change=None) -> None:
    """Saves every rank again as training would: other args, strided weights, states beside."""
    for path in sorted((folder / "iter_0000001").rglob("*.pt")):
        content = kit.torch_load(path)
        args = vars(content["args"])
        for name in ("num_key_value_heads", "head_dim", "intermediate_size", "num_hidden_layers"):
            del args[name]
        args["model_type"] = enums.ModelType.encoder_or_decoder
        args["activation"] = enums.silu
        args["llama"] = types.SimpleNamespace(a=1)
        model = collections.OrderedDict()
        for name, tensor in content["model"].items():
            model[name] = tensor.t().contiguous().t() if tensor.ndim == 2 else tensor
            module = name.rpartition(".")[0]
            model[f"{module}._extra_state"] = io.BytesIO(b"x") if "qkv" in name else None
        if change:
            change(model)
        weight = torch.ones(3)
        saved = {
            **content,
            "args": argparse.Namespace(**args),
            "model": model,
            "iteration": 7,
            "optimizer": {"state": {0: {"exp_avg": weight}}, "kind": enums.ModelType},
            "rng_state": [{"np": __import__("numpy").random.get_state()}],
        }
        torch.save(saved, path)
    (folder / "iter_0000001").rename(folder / "iter_0000007")
    (folder / "latest_checkpointed_iteration.txt").write_text("7")


def test_a_trained_checkpoint_comes_back_without_megatron(kit, hf_dir, tmp_path, enums):
    convert(ConvertOptions("hf", "mg", hf_dir, tmp_path / "mg", 2, 2))
    train(kit, tmp_path / "mg", enums)
    del sys.modules["gone_megatron"]
    convert(ConvertOptions("mg", "hf", tmp_path / "mg", tmp_path / "back", hf_cfg_dir=hf_dir))
    assert verify(hf_dir, tmp_path / "back").ok


def test_release_checkpoints_are_read(hf_dir, tmp_path):
    convert(ConvertOptions("hf", "mg", hf_dir, tmp_path / "mg"))
    (tmp_path / "mg/iter_0000001").rename(tmp_path / "mg/release")
    (tmp_path / "mg/latest_checkpointed_iteration.txt").write_text("release")
    convert(ConvertOptions("mg", "hf", tmp_path / "mg", tmp_path / "back"))
    assert verify(hf_dir, tmp_path / "back").ok


def test_drifted_copies_are_reported(kit, tmp_path, enums, caplog):
    kit.write_hf(tmp_path / "hf", kit.tiny(tied=True))
    convert(ConvertOptions("hf", "mg", tmp_path / "hf", tmp_path / "mg", 2, 2))

    def drift(model) -> None:
        if "output_layer.weight" in model:
            model["output_layer.weight"] = model["output_layer.weight"].clone()
            model["output_layer.weight"][0, 0] = 3.0

    train(kit, tmp_path / "mg", enums, drift)
    report = convert(
        ConvertOptions("mg", "hf", tmp_path / "mg", tmp_path / "back", hf_cfg_dir=tmp_path / "hf")
    )
    assert report.drifted == ("model.embed_tokens.weight",)
    assert "copies differ" in caplog.text
    problems = verify(tmp_path / "mg", tmp_path / "back").problems
    assert len(problems) == 2
    assert all("output_layer.weight differs" in problem for problem in problems)


def test_args_without_group_query_attention_do_not_mislead(kit, hf_dir, tmp_path):
    """One host writes group_query_attention=False, num_query_groups=1 and HuggingFace's name."""
    convert(ConvertOptions("hf", "mg", hf_dir, tmp_path / "mg", 2, 1))
    for path in (tmp_path / "mg").rglob("*.pt"):
        content = kit.torch_load(path)
        args = vars(content["args"])
        args.update(group_query_attention=False, num_query_groups=1)
        for name in ("ffn_hidden_size", "padded_vocab_size", "kv_channels"):
            del args[name]
        torch.save(content, path)
    convert(ConvertOptions("mg", "hf", tmp_path / "mg", tmp_path / "back", hf_cfg_dir=hf_dir))
    assert verify(hf_dir, tmp_path / "back").ok


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"num_query_groups": 4}, "num_query_groups=4"),
        ({"hidden_size": 32}, "hidden_size=32"),
        ({"num_layers": 8}, "num_layers=8"),
        ({"untie_embeddings_and_output_weights": False}, "untie"),
        ({"tensor_model_parallel_size": 4}, "rank directories"),
        ({"expert_model_parallel_size": 2}, "rank directories"),
        ({"num_experts": 8}, "num_experts=8"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_args_that_contradict_the_model_are_refused(kit, hf_dir, tmp_path, change, named):
    convert(ConvertOptions("hf", "mg", hf_dir, tmp_path / "mg", 2, 1))
    for path in (tmp_path / "mg").rglob("*.pt"):
        content = kit.torch_load(path)
        vars(content["args"]).update(change)
        torch.save(content, path)
    with pytest.raises(InputError, match=named):
        convert(ConvertOptions("mg", "hf", tmp_path / "mg", tmp_path / "back", hf_cfg_dir=hf_dir))
    assert not (tmp_path / "back").exists()


def test_a_missing_or_foreign_tensor_in_a_shard_is_refused(kit, hf_dir, tmp_path):
    convert(ConvertOptions("hf", "mg", hf_dir, tmp_path / "mg"))
    path = tmp_path / "mg/iter_0000001/mp_rank_00/model_optim_rng.pt"
    content = kit.torch_load(path)
    weight = content["model"].pop("decoder.layers.2.mlp.linear_fc1.weight")
    torch.save(content, path)
    options = ConvertOptions("mg", "hf", tmp_path / "mg", tmp_path / "back", hf_cfg_dir=hf_dir)
    with pytest.raises(InputError, match=r"layers\.2\.mlp\.linear_fc1\.weight"):
        convert(options)
    content["model"]["decoder.layers.2.mlp.linear_fc1.weight"] = weight[:-1]
    torch.save(content, path)
    with pytest.raises(InputError, match="another shape"):
        convert(options)
    content["model"]["decoder.layers.2.mlp.linear_fc1.weight"] = weight
    content["model"]["decoder.layers.2.mlp.adapter.weight"] = weight
    torch.save(content, path)
    with pytest.raises(InputError, match=r"adapter\.weight"):
        convert(options)
