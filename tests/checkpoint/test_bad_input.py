"""Wrong input: a message that names it, exit code 2, nothing left behind."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest


def to_mg(cli, hf: Path, mg: Path, *more: object):
    return cli(
        "convert", "--load-model-type", "hf", "--save-model-type", "mg",
        "--load-dir", hf, "--save-dir", mg, *more,
    )  # fmt: skip


def to_hf(cli, mg: Path, hf: Path, *more: object):
    return cli(
        "convert", "--load-model-type", "mg", "--save-model-type", "hf",
        "--load-dir", mg, "--save-dir", hf, *more,
    )  # fmt: skip


def edit_config(folder: Path, **changes: object) -> None:
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, **changes}))


def edit_index(folder: Path, change) -> None:
    path = folder / "model.safetensors.index.json"
    index = json.loads(path.read_text())
    change(index["weight_map"])
    path.write_text(json.dumps(index))


def truncate(folder: Path) -> None:
    path = sorted(folder.glob("*.safetensors"))[-1]
    path.write_bytes(path.read_bytes()[:-10])


def flip_header(folder: Path) -> None:
    path = folder / "model-00001-of-00003.safetensors"
    path.write_bytes(b"\xff" * 8 + path.read_bytes()[8:])


def drop_layer(folder: Path) -> None:
    edit_config(folder, num_hidden_layers=3)


def directory_as_shard(folder: Path) -> None:
    path = folder / "model-00002-of-00003.safetensors"
    path.unlink()
    path.mkdir()


FAULTS = {
    "no directory": (lambda f: shutil.rmtree(f), "no such directory"),
    "no config.json": (lambda f: (f / "config.json").unlink(), "config.json"),
    "broken config.json": (lambda f: (f / "config.json").write_text("{"), "not readable JSON"),
    "config without size": (lambda f: edit_config(f, hidden_size=None), "hidden_size"),
    "size of no number": (lambda f: edit_config(f, num_hidden_layers="4"), "num_hidden_layers"),
    "unknown model": (lambda f: edit_config(f, model_type="qwen2_vl"), "qwen2_vl"),
    "missing shard": (
        lambda f: (f / "model-00002-of-00003.safetensors").unlink(),
        "missing shard",
    ),
    "truncated shard": (truncate, "truncated shard"),
    "broken header": (flip_header, "not a whole safetensors file"),
    "index names what is not there": (
        lambda f: edit_index(f, lambda m: m.update(ghost="model-00001-of-00003.safetensors")),
        "ghost",
    ),
    "index lacks what is there": (
        lambda f: edit_index(f, lambda m: m.pop("model.norm.weight")),
        "model.norm.weight",
    ),
    "index names the wrong shard": (
        lambda f: edit_index(
            f, lambda m: m.update({"model.norm.weight": "model-00001-of-00003.safetensors"})
        ),
        "model.norm.weight",
    ),
    "index leads outside": (
        lambda f: edit_index(f, lambda m: m.update(ghost="../model.safetensors")),
        "outside",
    ),
    "no index": (lambda f: (f / "model.safetensors.index.json").unlink(), "no model.safetensors"),
    "more layers than config says": (drop_layer, "tensors that the model does not"),
    "fewer layers than config says": (
        lambda f: edit_config(f, num_hidden_layers=8),
        "lacks",
    ),
    "a file as directory": (
        lambda f: (shutil.rmtree(f), f.write_text("x")),
        "a file, not a directory",
    ),
    "a directory as shard": (directory_as_shard, "a directory, not a file"),
    "a million layers": (
        lambda f: edit_config(f, num_hidden_layers=10**6),
        "num_hidden_layers=1000000",
    ),
    "a million heads": (
        lambda f: edit_config(f, num_attention_heads=10**6, num_key_value_heads=10**6),
        "num_attention_heads=1000000",
    ),
    "other shapes": (lambda f: edit_config(f, intermediate_size=48), "another shape"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_broken_source_is_named_and_nothing_is_written(cli, kit, tmp_path, fault):
    break_it, named = FAULTS[fault]
    kit.write_hf(tmp_path / "hf", kit.tiny(), shards=3)
    break_it(tmp_path / "hf")
    code, out, err = to_mg(cli, tmp_path / "hf", tmp_path / "mg")
    assert code == 2
    assert named in err
    assert out == ""
    assert "Traceback" not in err
    assert not (tmp_path / "mg").exists()


LAYOUTS = {
    "groups": (("--target-tensor-parallel-size", 4), "num_query_groups 2 does not divide into 4"),
    "layers": (("--target-pipeline-parallel-size", 3), "4 layers do not divide into 3"),
    "no ranks": (("--target-tensor-parallel-size", 0), "must be at least 1"),
    # Sizes whose ranks could not be listed in any time.
    "tensor ranks": (("--target-tensor-parallel-size", 10**12), "does not divide"),
    "stages": (("--target-pipeline-parallel-size", 10**12), "do not divide"),
    "threads": (("--workers", 10**12), "at most 256"),
    "vocabulary": (("--padded-vocab-size", 30), "cannot hold the vocabulary"),
    "vocabulary and TP": (
        ("--padded-vocab-size", 39, "--target-tensor-parallel-size", 2),
        "--padded-vocab-size 40, or leave",
    ),
    "list too short": (
        ("--target-pipeline-parallel-size", 2, "--num-layer-list", "4"),
        "2 stages with 4 layers",
    ),
    "list and noop": (
        ("--target-pipeline-parallel-size", 2, "--num-layer-list", "2,3", "--noop-layers", "0"),
        "neither virtual stages nor noop",
    ),
    "list of words": (("--num-layer-list", "a,b"), "not a list of numbers"),
    "noop outside": (("--noop-layers", "9"), "cannot be placed"),
    "virtual stages that drop layers": (
        ("--target-pipeline-parallel-size", 2, "--num-layers-per-virtual-pipeline-stage", 3),
        "do not form virtual stages",
    ),
    "virtual stages without stages": (
        ("--num-layers-per-virtual-pipeline-stage", 2),
        "at least 2 pipeline stages",
    ),
    "model type": (("--model-type-hf", "qwen52"), "did you mean"),
    "llama without bias": (("--model-type-hf", "llama2"), "--add-qkv-bias"),
    "number format": (("--params-dtype", "int8"), "not written as int8"),
    "unknown number format": (("--params-dtype", "int4"), "bf16, fp16 or fp32"),
    "experts": (("--target-expert-parallel-size", 2), "the model has no experts"),
    "grouped experts": (("--moe-grouped-gemm",), "the model has no experts"),
    "prediction layers": (("--mtp-num-layers", 1), "multi-token-prediction"),
    "shard size": (("--max-shard-size", "big"), "not a size"),
}


@pytest.mark.parametrize("case", LAYOUTS)
def test_what_cannot_be_is_refused_before_writing(cli, hf_dir, tmp_path, case):
    flags, named = LAYOUTS[case]
    code, _, err = to_mg(cli, hf_dir, tmp_path / "mg", *flags)
    assert code == 2
    assert named in err
    assert not (tmp_path / "mg").exists()


def test_heads_and_ffn_that_do_not_divide_name_sizes_that_would(cli, kit, tmp_path):
    kit.write_hf(tmp_path / "hf", kit.tiny(groups=4, ffn=6))
    code, _, err = to_mg(cli, tmp_path / "hf", tmp_path / "mg", "--target-tensor-parallel-size", 4)
    assert code == 2
    assert "ffn_hidden_size 6 does not divide" in err
    assert "[1, 2]" in err


def test_mg_to_hf_without_config_says_which_flag_gives_it(cli, hf_dir, tmp_path):
    assert to_mg(cli, hf_dir, tmp_path / "mg")[0] == 0
    (tmp_path / "mg/manifest.json").unlink()
    code, _, err = to_hf(cli, tmp_path / "mg", tmp_path / "back")
    assert code == 2
    assert "--hf-cfg-dir" in err
    assert to_hf(cli, tmp_path / "mg", tmp_path / "back", "--hf-cfg-dir", hf_dir)[0] == 0


def test_a_bias_that_the_model_lacks_is_refused(cli, kit, tmp_path):
    kit.write_hf(tmp_path / "llama", kit.tiny(bias=False))
    flags = ("--model-type-hf", "llama2", "--add-qkv-bias")
    code, _, err = to_mg(cli, tmp_path / "llama", tmp_path / "mg", *flags)
    assert code == 2
    assert "--add-qkv-bias does not fit" in err
    assert to_mg(cli, tmp_path / "llama", tmp_path / "mg", *flags[:2], "--verify")[0] == 0


def remove_rank(folder: Path) -> None:
    shutil.rmtree(folder / "iter_0000001/mp_rank_01")


def cut_rank(folder: Path) -> None:
    path = folder / "iter_0000001/mp_rank_01/model_optim_rng.pt"
    path.write_bytes(path.read_bytes()[:-200])


MG_FAULTS = {
    "missing rank": (remove_rank, "mp_rank_01"),
    "truncated rank": (cut_rank, "truncated shard"),
    "broken tracker": (
        lambda f: (f / "latest_checkpointed_iteration.txt").write_text("soon"),
        "soon",
    ),
    "tracker without iteration": (
        lambda f: (f / "latest_checkpointed_iteration.txt").write_text("9"),
        "iter_0000009",
    ),
    "no tracker": (
        lambda f: (f / "latest_checkpointed_iteration.txt").unlink(),
        "latest_checkpointed_iteration.txt",
    ),
    "broken manifest": (lambda f: (f / "manifest.json").write_text("{"), "manifest.json"),
}


@pytest.mark.parametrize("fault", MG_FAULTS)
def test_a_broken_megatron_checkpoint_is_named(cli, hf_dir, tmp_path, fault):
    break_it, named = MG_FAULTS[fault]
    to_mg(cli, hf_dir, tmp_path / "mg", "--target-tensor-parallel-size", 2)
    break_it(tmp_path / "mg")
    code, _, err = to_hf(cli, tmp_path / "mg", tmp_path / "back")
    assert code == 2
    assert named in err
    assert not (tmp_path / "back").exists()


def test_a_tied_model_may_carry_its_own_head_only_if_it_is_the_embedding(cli, kit, tmp_path):
    model = kit.tiny(tied=True)
    for name, change in (("same", 0), ("other", 1)):
        tensors = kit.write_hf(tmp_path / name, model)
        head = tensors["model.embed_tokens.weight"] + change
        kit.write_safetensors(
            tmp_path / name / "model.safetensors", {**tensors, "lm_head.weight": head}
        )
    assert to_mg(cli, tmp_path / "same", tmp_path / "mg1", "--verify")[0] == 0
    code, _, err = to_mg(cli, tmp_path / "other", tmp_path / "mg2")
    assert code == 2
    assert "tie_word_embeddings" in err


def test_a_tied_model_whose_config_does_not_say_so_gets_a_remedy(cli, kit, tmp_path):
    kit.write_hf(tmp_path / "hf", kit.tiny(tied=True))
    config = json.loads((tmp_path / "hf/config.json").read_text())
    del config["tie_word_embeddings"]
    (tmp_path / "hf/config.json").write_text(json.dumps(config))
    code, _, err = to_mg(cli, tmp_path / "hf", tmp_path / "mg")
    assert code == 2
    assert "missing lm_head.weight" in err
    assert '"tie_word_embeddings": true' in err


def test_a_rank_file_that_is_a_directory_is_named(cli, kit, hf_dir, tmp_path):
    to_mg(cli, hf_dir, tmp_path / "mg")
    (path,) = (tmp_path / "mg").glob("iter_*/mp_rank_*/*.pt")
    path.unlink()
    path.mkdir()
    code, _, err = to_hf(cli, tmp_path / "mg", tmp_path / "back")
    assert code == 2
    assert "a directory, not a file" in err
