"""Recipes as files: names, keys, types, old keys of TRL, bad input, the launch command."""

from __future__ import annotations

import json
import logging
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from mindspeed_rl_ext.cli._dispatch import main
from mindspeed_rl_ext.core.errors import InputError
from mindspeed_rl_ext.core.typed import build, convert
from mindspeed_rl_ext.recipes.training.recipe.files import find_recipe, load_recipe, recipe_names
from mindspeed_rl_ext.recipes.training.recipe.schema import SIZES, Recipe

NAMES = recipe_names()
# The notes that recipes come from, as their files name them.
NOTES = ("Datawhale R1", "CS336", "simpleRL-reason", "DeepSeek-R1-Zero")
# The Datawhale note's trl_config.yaml, with paths put in.
NOTE = """
model_name_or_path: models/Qwen/Qwen2.5-3B-Instruct
model_revision: main
torch_dtype: bfloat16
attn_implementation: flash_attention_2
bf16: true
tf32: true
output_dir: output/Datawhale-R1
dataset_id_or_path: dataset
swanlab: true
workspace: somebody
project: Datawhale-R1
experiment_name: qwen2.5-3B
max_steps: 450
per_device_train_batch_size: 1
gradient_accumulation_steps: 8
gradient_checkpointing: true
gradient_checkpointing_kwargs:
  use_reentrant: false
learning_rate: 5.0e-7
lr_scheduler_type: cosine
warmup_ratio: 0.03
seed: 2025
beta: 0.001
max_prompt_length: 256
max_completion_length: 4096
num_generations: 8
use_vllm: true
vllm_device: cuda:2
vllm_gpu_memory_utilization: 0.5
logging_strategy: steps
logging_steps: 1
save_strategy: "steps"
save_steps: 50
"""
OLD_KEYS = (
    "torch_dtype",
    "dataset_id_or_path",
    "swanlab",
    "workspace",
    "experiment_name",
    "warmup_ratio",
    "max_prompt_length",
    "vllm_device",
)


def test_every_note_has_a_recipe_and_every_recipe_a_note() -> None:
    texts = {name: find_recipe(name).read_text(encoding="utf-8") for name in NAMES}
    named = {name: [note for note in NOTES if note in text] for name, text in texts.items()}
    assert all(named.values()), named
    assert {note for notes in named.values() for note in notes} == set(NOTES)


def test_a_recipe_from_outside_is_found_everywhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    text = find_recipe("simplerl_zero").read_text(encoding="utf-8")
    summary = "summary: mine, of the largest number\n"
    (folder / "my_recipe.yaml").write_text(
        re.sub(r"summary: .*\n", summary, text.replace("name: simplerl_zero", "name: my_recipe"))
    )
    monkeypatch.setenv("MSRL_EXT_RECIPES", str(folder))
    assert main(["recipe", "list"]) == 0
    assert "my_recipe" in capsys.readouterr().out
    assert main(["recipe", "show", "my_recipe"]) == 0
    assert "mine, of the largest number" in capsys.readouterr().out
    assert main(["train", "--config", "my_recipe", "--size", "real", "--print"]) == 0
    assert "--config my_recipe --size real" in capsys.readouterr().out
    assert load_recipe("my_recipe").summary == "mine, of the largest number"
    assert "countdown" in recipe_names()
    assert "my_recipe" in recipe_names()


def test_a_folder_of_recipes_that_is_not_there_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MSRL_EXT_RECIPES", str(tmp_path / "gone"))
    assert main(["recipe", "list"]) == 2
    assert f"MSRL_EXT_RECIPES names {tmp_path / 'gone'}" in capsys.readouterr().err


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", NAMES)
def test_every_recipe_reads_in_both_sizes(name: str, size: str) -> None:
    recipe = load_recipe(name, size)
    assert (recipe.name, recipe.size) == (name, size)


@pytest.mark.parametrize("name", NAMES)
def test_every_key_of_a_recipe_is_explained_and_downloads_are_told(
    name: str, repo_root: Path
) -> None:
    text = (repo_root / "configs" / "recipes" / f"{name}.yaml").read_text(encoding="utf-8")
    assert "HF_ENDPOINT" in text
    assert "modelscope download --model" in text
    keys, explained = set(), set()
    for before, line in zip(["", *text.splitlines()], text.splitlines(), strict=False):
        found = re.match(r" *([a-z_]+):", line)
        if found:
            keys.add(found[1])
            if "#" in line or before.lstrip().startswith("#"):
                explained.add(found[1])
    assert len(keys) > 20
    assert keys == explained


def test_the_cpu_sizes_need_nothing_from_outside() -> None:
    for name in NAMES:
        recipe = load_recipe(name, "cpu")
        assert recipe.model in ("tiny", "tiny_base")
        assert recipe.dataset.task is not None
        assert recipe.sample.teacher is None


def test_the_verifiers_have_the_levels_of_the_notes() -> None:
    chosen = {name: load_recipe(name, "real") for name in NAMES}
    assert chosen["simplerl_zero"].verifiers == chosen["simplerl"].verifiers == ("simplerl",)
    assert dict(zip(chosen["r1_zero"].verifiers, chosen["r1_zero"].weights, strict=True)) == {
        "r1_acc": 0.5,
        "r1_format": 0.5,
    }
    assert chosen["countdown"].verifiers == ("countdown", "countdown_format")
    assert chosen["gsm8k_grpo"].grpo.trl["beta"] == 0.0


def test_r1_zero_has_the_batches_of_the_note() -> None:
    trl = load_recipe("r1_zero", "real").grpo.trl
    micro = trl["per_device_train_batch_size"] * 8
    assert micro * trl["steps_per_generation"] == 120 * trl["num_generations"]
    assert micro * trl["gradient_accumulation_steps"] == 60 * trl["num_generations"]


@pytest.mark.parametrize("name", ["simplerl_zero", "simplerl"])
def test_the_math_models_responses_fit_its_positions(name: str) -> None:
    recipe = load_recipe(name, "real")
    longest = recipe.dataset.options["max_prompt_length"]
    assert longest + recipe.grpo.trl["max_completion_length"] <= 4096


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ("grpoo.trl.max_steps=1", "did you mean grpo?"),
        ("grpo.trl.max_stepps=1", "did you mean max_steps"),
        ("grpo.trl.max_steps=many", "max_steps is not a whole number"),
        ("grpo.trl.learning_rate=[1]", "learning_rate is not a number"),
        ("grpo.trl.bf16=5", "bf16 is not true or false"),
        ("seed=x", "seed is not a whole number"),
        ("weights=[1.0]", "weights and verifiers differ in number"),
        ("verifiers=[countdwn, countdown_format]", "did you mean countdown"),
        ("stages=[grpoo]", "did you mean grpo?"),
        ("stages=[]", "stages must be named once each"),
        ("dataset.packed=x", "one of config, packed and task"),
        ("grpo.dynamic_sampling={rounds: 1}", "did you mean max_rounds?"),
        ("grpo.trl.model_name_or_path=x", "say it with model"),
        ("grpo.trl.num_generations=3", "the group size does not divide the batch"),
        ("grpo.trl.num_generations=1", "at least 2"),
        ("grpo.trl.max_steps=-1", "max_steps says how long to train"),
        ("report_to=[tensorbord]", "did you mean tensorboard?"),
        ("novalue", "can't be read"),
    ],
)
def test_a_wrong_key_or_value_exits_with_2_and_a_remedy(
    change: str, expected: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("trl", reason="TRL's keys are looked at in the installed TRL")
    output = tmp_path / "run"
    assert main(["train", "--config", "countdown", "--output", str(output), "--set", change]) == 2
    printed = capsys.readouterr().err
    assert expected in printed
    assert not output.exists()


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        (["--config", "countdwn"], "did you mean countdown?"),
        (["--config", "/nowhere.yaml"], "no config"),
        (["--config", "countdown", "--size", "real"], "no model at"),
        (["--config", "countdown", "--stage", "sample"], "has no stage 'sample'"),
        (["--config", "countdown", "--host", "."], "no effect with --engine trl"),
    ],
)
def test_what_is_not_there_exits_with_2(
    flags: list[str],
    expected: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    pytest.importorskip("trl", reason="training needs trl")
    monkeypatch.chdir(tmp_path)
    assert main(["train", *flags]) == 2
    assert expected in capsys.readouterr().err


@pytest.mark.parametrize("text", ["a: [", "- 1\n", "\x00", ""])
def test_a_file_that_is_no_table_is_refused(text: str, tmp_path: Path) -> None:
    path = tmp_path / "r.yaml"
    path.write_text(text)
    with pytest.raises(InputError, match=r"not (readable YAML|a table of keys)"):
        load_recipe(str(path))


def test_the_notes_trl_file_is_translated_with_a_warning_for_each_old_key(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, repo_root: Path
) -> None:
    path = tmp_path / "trl_config.yaml"
    path.write_text(NOTE)
    with caplog.at_level(logging.WARNING):
        recipe = load_recipe(str(path))
    printed = [record.getMessage() for record in caplog.records]
    for key in OLD_KEYS:
        assert sum(f": {key} is a key of an older" in line for line in printed) == 1, key
    assert len(printed) == len(OLD_KEYS) + sum(
        ": output_dir is not read" in line for line in printed
    )
    shipped = load_recipe(str(repo_root / "configs" / "trl" / "countdown_3b.yaml"))
    known = load_recipe("countdown", "real")
    # vLLM's longest context and the limit on checkpoints are ours.
    for one in (recipe, shipped):
        trl = {k: v for k, v in one.grpo.trl.items() if k not in _RECORDING}
        assert trl == {k: v for k, v in known.grpo.trl.items() if k not in _RECORDING}
        assert (one.dtype, one.seed, one.stages) == (known.dtype, known.seed, known.stages)
    assert recipe.report_to == ("swanlab",)
    assert recipe.dataset.options["max_prompt_length"] == 256
    assert recipe.dataset.options["input"] == "dataset"


_RECORDING = ("run_name", "project", "logging_strategy", "save_strategy")


@given(st.dictionaries(st.text(min_size=1, max_size=12), st.integers(), min_size=1, max_size=3))
def test_no_unknown_key_passes(table: dict[str, int]) -> None:
    known = set(Recipe.__dataclass_fields__)
    if set(table) <= known:
        return
    with pytest.raises(InputError):
        build(Recipe, table, "x")


@given(st.floats(min_value=1e-12, max_value=1e6))
def test_numbers_that_yaml_reads_as_text_are_numbers(value: float) -> None:
    text = f"{value:e}"
    assert convert(yaml.safe_load(text), float, "lr") == pytest.approx(float(text))


def test_list_and_show_print_the_recipes(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["recipe", "list"]) == 0
    listed = capsys.readouterr().out
    assert [line.split()[0] for line in listed.splitlines()] == sorted(NAMES)
    assert main(["recipe", "show", "r1_zero"]) == 0
    assert yaml.safe_load(capsys.readouterr().out)["name"] == "r1_zero"


def test_print_shows_the_launch_command(capsys: pytest.CaptureFixture[str]) -> None:
    flags = ["--config", "countdown", "--size", "real", "--print", "--set", "seed=3"]
    assert main(["train", *flags]) == 0
    printed = capsys.readouterr().out
    assert "accelerate launch --config_file" in printed
    assert "zero3.yaml -m mindspeed_rl_ext.cli train --config countdown --size real" in printed
    assert "--set seed=3" in printed


def test_print_tells_the_disk_that_checkpoints_take(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    index = {"metadata": {"total_size": 6_171_877_376}, "weight_map": {}}
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps(index))
    flags = ["--config", "countdown", "--size", "real", "--print", "--set", f"model={tmp_path}"]
    assert main(["train", *flags, "--set", "grpo.trl.save_steps=25"]) == 0
    printed = capsys.readouterr().out
    # 450 steps, one in 25: the note's run, of which it says "more than 700 GB".
    assert "18 checkpoints of about 43 GB, 2 kept at a time" in printed


def test_print_says_what_a_checkpoint_takes_before_the_weights_are_there(
    capsys: pytest.CaptureFixture[str],
) -> None:
    flags = ["--config", "countdown", "--size", "real", "--print", "--set", "model=./nowhere"]
    assert main(["train", *flags]) == 0
    disk, command = capsys.readouterr().out.splitlines()
    assert disk.startswith("# grpo: 9 checkpoints of 14 GB per billion parameters, 2 kept")
    assert "no weights are at ./nowhere" in disk
    assert command.startswith("accelerate launch")
    assert main(["train", "--config", "countdown", "--size", "cpu", "--print"]) == 0
    assert "checkpoints" not in capsys.readouterr().out  # a tiny model, made on the spot


def table_of(name: str) -> dict[str, Any]:
    from accelerate.commands.config.config_args import load_config_from_file

    from mindspeed_rl_ext.core.files.shipped import resolve_config

    return vars(load_config_from_file(str(resolve_config(name, "accelerate"))))


def test_the_accelerate_files_are_what_accelerate_reads(repo_root: Path) -> None:
    pytest.importorskip("accelerate", reason="accelerate reads its own files")
    zero3, cpu = table_of("zero3"), table_of("cpu")
    assert zero3["deepspeed_config"]["zero_stage"] == 3
    assert (zero3["num_processes"], zero3["mixed_precision"]) == (8, "bf16")
    assert (cpu["num_processes"], cpu["mixed_precision"]) == (2, "no")
    # The note's sixteen keys, every one.
    note = "compute_environment debug deepspeed_config distributed_type downcast_bf16 machine_rank "
    note += "main_training_function mixed_precision num_machines num_processes rdzv_backend "
    note += "same_network tpu_env tpu_use_cluster tpu_use_sudo use_cpu"
    path = repo_root / "configs" / "accelerate" / "zero3.yaml"
    assert set(yaml.safe_load(path.read_text())) == set(note.split())
