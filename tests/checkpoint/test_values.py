"""Every tensor of every rank equals an expectation written without the rules; round trips."""

from __future__ import annotations

import filecmp
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mindspeed_rl_ext.checkpoint.convert import convert
from mindspeed_rl_ext.checkpoint.options import ConvertOptions
from mindspeed_rl_ext.checkpoint.verify import verify

pytest.importorskip("torch", reason="torch reads the shards as an oracle")

SETTINGS = settings(
    max_examples=25, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True
)


@st.composite
def cases(draw):
    tp = draw(st.sampled_from([1, 2, 4]))
    pp = draw(st.sampled_from([1, 2, 3]))
    groups = tp * draw(st.integers(1, 2))
    sizes = {
        "layers": pp * draw(st.integers(1, 2)),
        "hidden": draw(st.sampled_from([4, 6, 10])),
        "groups": groups,
        "heads": groups * draw(st.integers(1, 3)),
        "head_dim": draw(st.sampled_from([2, 3])),
        "ffn": tp * draw(st.integers(1, 5)),
        "vocab": draw(st.integers(1, 40)),
        "tied": draw(st.booleans()),
        "bias": draw(st.booleans()),
        "dtype": draw(st.sampled_from(["BF16", "F32"])),
        "seed": draw(st.integers(0, 99)),
    }
    divisible_by = draw(st.sampled_from([1, 3, 16]))
    return sizes, tp, pp, divisible_by, draw(st.integers(1, 3))


@SETTINGS
@given(case=cases())
def test_shards_equal_the_independent_expectation_and_come_back_exactly(kit, case):
    sizes, tp, pp, divisible_by, shards = case
    model = kit.tiny(**sizes)
    padded = -(-model.vocab // (divisible_by * tp)) * divisible_by * tp
    with tempfile.TemporaryDirectory() as folder:
        hf, mg, back = (Path(folder, name) for name in ("hf", "mg", "back"))
        tensors = kit.write_hf(hf, model, shards)
        convert(
            ConvertOptions("hf", "mg", hf, mg, tp, pp, make_vocab_size_divisible_by=divisible_by)
        )
        per = model.layers // pp
        for p in range(pp):
            for t in range(tp):
                expected = kit.expected_rank(
                    model, tensors, tp, t, [(i, p * per + i) for i in range(per)],
                    padded, p == 0, p == pp - 1, pp,
                )  # fmt: skip
                path = mg / "iter_0000001" / kit.rank_dir(t, p, pp) / "model_optim_rng.pt"
                check_rank(kit, kit.torch_load(path)["model"], expected)
        assert verify(hf, mg).problems == ()
        convert(ConvertOptions("mg", "hf", mg, back))
        assert verify(hf, back).ok
        if shards == 1:
            assert_same_tensors(hf, back)


def assert_same_tensors(hf: Path, back: Path) -> None:
    import torch
    from safetensors.torch import load_file

    ours, theirs = (load_file(folder / "model.safetensors") for folder in (back, hf))
    assert sorted(ours) == sorted(theirs)
    for name, tensor in theirs.items():
        assert ours[name].dtype == tensor.dtype
        assert ours[name].shape == tensor.shape
        assert ours[name].view(torch.uint8).equal(tensor.view(torch.uint8)), name


def check_rank(kit, model, expected) -> None:
    assert list(model) == list(expected)
    for name, array in expected.items():
        found = kit.as_numpy(model[name])
        assert found.shape == array.shape, name
        assert found.tobytes() == array.tobytes(), name


def test_virtual_stages_are_placed_as_megatron_places_them(kit, tmp_path):
    model = kit.tiny(layers=8)
    tensors = kit.write_hf(tmp_path / "hf", model)
    options = ConvertOptions(
        "hf", "mg", tmp_path / "hf", tmp_path / "mg", 2, 2, num_layers_per_virtual_pipeline_stage=2
    )
    convert(options)
    held = {(0, 0): [0, 1], (0, 1): [4, 5], (1, 0): [2, 3], (1, 1): [6, 7]}
    for (p, v), layers in held.items():
        for t in (0, 1):
            path = tmp_path / "mg/iter_0000001" / kit.rank_dir(t, p, 2) / "model_optim_rng.pt"
            content = kit.torch_load(path)
            assert "model" not in content
            expected = kit.expected_rank(
                model, tensors, 2, t, list(enumerate(layers)), 38, (p, v) == (0, 0),
                (p, v) == (1, 1), 2,
            )  # fmt: skip
            check_rank(kit, content[f"model{v}"], expected)
    assert verify(tmp_path / "hf", tmp_path / "mg").ok
    convert(ConvertOptions("mg", "hf", tmp_path / "mg", tmp_path / "back"))
    assert_same_tensors(tmp_path / "hf", tmp_path / "back")


@pytest.mark.parametrize(
    ("flags", "held"),
    [
        ({"num_layer_list": (1, 3)}, [[(0, 0)], [(0, 1), (1, 2), (2, 3)]]),
        ({"noop_layers": (1, 5)}, [[(0, 0), (2, 1)], [(0, 2), (1, 3)]]),
    ],
    ids=["num-layer-list", "noop-layers"],
)
def test_uneven_stages_hold_the_layers_asked_for(kit, tmp_path, flags, held):
    model = kit.tiny()
    tensors = kit.write_hf(tmp_path / "hf", model)
    convert(ConvertOptions("hf", "mg", tmp_path / "hf", tmp_path / "mg", 1, 2, **flags))
    for p, layers in enumerate(held):
        path = tmp_path / "mg/iter_0000001" / kit.rank_dir(0, p, 2) / "model_optim_rng.pt"
        expected = kit.expected_rank(model, tensors, 1, 0, layers, 37, p == 0, p == 1, 2)
        check_rank(kit, kit.torch_load(path)["model"], expected)
    assert verify(tmp_path / "hf", tmp_path / "mg").ok
    convert(ConvertOptions("mg", "hf", tmp_path / "mg", tmp_path / "back"))
    assert_same_tensors(tmp_path / "hf", tmp_path / "back")


def test_transformer_engine_names_go_out_and_come_back(kit, tmp_path):
    tensors = kit.write_hf(tmp_path / "hf", kit.tiny())
    options = ConvertOptions(
        "hf", "mg", tmp_path / "hf", tmp_path / "mg", 2, 1, transformer_impl="transformer_engine"
    )
    convert(options)
    path = tmp_path / "mg/iter_0000001/mp_rank_01/model_optim_rng.pt"
    model = kit.torch_load(path)["model"]
    for name, hf in (
        ("self_attention.linear_qkv.layer_norm_weight", "input_layernorm"),
        ("mlp.linear_fc1.layer_norm_weight", "post_attention_layernorm"),
    ):
        found = kit.as_numpy(model[f"decoder.layers.3.{name}"])
        assert found.tobytes() == tensors[f"model.layers.3.{hf}.weight"].tobytes()
    assert not [name for name in model if "input_layernorm" in name or "pre_mlp" in name]
    convert(ConvertOptions("mg", "hf", tmp_path / "mg", tmp_path / "back"))
    assert_same_tensors(tmp_path / "hf", tmp_path / "back")


@pytest.mark.parametrize("wanted", ["bf16", "fp16", "fp32"])
def test_params_dtype_rounds_as_torch_does(kit, tmp_path, wanted):
    import torch

    dtype = {"bf16": torch.bfloat16, "fp16": torch.float16, "fp32": torch.float32}[wanted]
    tensors = kit.write_hf(tmp_path / "hf", kit.tiny(dtype="F32"))
    convert(ConvertOptions("hf", "mg", tmp_path / "hf", tmp_path / "mg", 1, 1, params_dtype=wanted))
    content = kit.torch_load(tmp_path / "mg/iter_0000001/mp_rank_00/model_optim_rng.pt")
    assert content["args"].params_dtype is dtype
    found = content["model"]["decoder.layers.1.mlp.linear_fc2.weight"]
    expected = torch.from_numpy(tensors["model.layers.1.mlp.down_proj.weight"]).to(dtype)
    assert found.dtype == dtype
    assert found.equal(expected)
    assert verify(tmp_path / "hf", tmp_path / "mg").ok


def test_a_second_run_writes_the_same_bytes(hf_dir, tmp_path):
    for name in ("a", "b"):
        convert(ConvertOptions("hf", "mg", hf_dir, tmp_path / name, 2, 2))
    ranks = sorted((tmp_path / "a").rglob("*.pt"))
    assert len(ranks) == 4
    for path in ranks:
        twin = tmp_path / "b" / path.relative_to(tmp_path / "a")
        assert filecmp.cmp(path, twin, shallow=False)


def test_large_models_are_sharded_with_an_index_that_transformers_reads(kit, tmp_path):
    transformers = pytest.importorskip("transformers")
    model = kit.tiny(dtype="F32", hidden=16, head_dim=4)
    tensors = kit.write_hf(tmp_path / "hf", model)
    convert(ConvertOptions("hf", "mg", tmp_path / "hf", tmp_path / "mg", 2, 2))
    convert(ConvertOptions("mg", "hf", tmp_path / "mg", tmp_path / "back", max_shard_bytes=8000))
    assert len(list((tmp_path / "back").glob("model-*-of-*.safetensors"))) > 2
    loaded = transformers.AutoModelForCausalLM.from_pretrained(tmp_path / "back")
    state = loaded.state_dict()
    assert set(state) == set(tensors)
    for name, array in tensors.items():
        assert state[name].numpy().tobytes() == array.tobytes(), name
    for name in ("generation_config.json", "tokenizer_config.json", "vocab.json"):
        assert (tmp_path / "back" / name).read_text() == (tmp_path / "hf" / name).read_text()
