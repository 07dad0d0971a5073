"""Values that mean nothing are refused by name, before anything is loaded or left behind."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("trl", reason="the extra [train] brings TRL")

from mindspeed_rl_ext.cli._dispatch import main
from mindspeed_rl_ext.core.errors import InputError
from mindspeed_rl_ext.core.files.jsonlines import read_jsonl
from mindspeed_rl_ext.recipes.training import launch
from mindspeed_rl_ext.recipes.training.recipe.bounds import declared_values
from mindspeed_rl_ext.recipes.training.recipe.files import load_recipe, recipe_names
from mindspeed_rl_ext.recipes.training.runner import run_recipe
from mindspeed_rl_ext.recipes.training.trainer import running as trainers

SMALL = [
    "report_to=[none]", "stages=[sft]", "sft.demonstration=boxed", "sft.trl.max_steps=4",
    "sft.trl.save_steps=2", "sft.trl.per_device_train_batch_size=2", "dataset.held_out=0",
]  # fmt: skip


def train(output: Path, *changes: str, config: str = "simplerl_zero", more: Any = ()) -> int:
    words = ["train", "--config", config, "--output", str(output), *more]
    return main([*words, *(word for change in changes for word in ("--set", change))])


@pytest.mark.parametrize(
    "change",
    [
        "seed=-1", "dataset.held_out=-3", "dataset.rows=-2", "dataset.rows=0",
        "grpo.rollouts_every_steps=0", "grpo.rollouts_every_steps=-1",
        "grpo.dynamic_sampling.max_rounds=-1", "evaluation.temperature=-1",
        "evaluation.temperature=.nan", "sample.keep_per_prompt=0", "weights=[.nan]",
        "grpo.trl.num_iterations=0", "grpo.trl.per_device_train_batch_size=0",
        "grpo.trl.max_completion_length=0", "grpo.trl.temperature=0", "grpo.trl.temperature=-1",
        "grpo.trl.loss_type=foo",
    ],
)  # fmt: skip
def test_a_value_that_means_nothing_is_named(
    tmp_path: Path, warm: Path, capsys: pytest.CaptureFixture[str], change: str
) -> None:
    assert train(tmp_path / "run", f"model={warm}", "evaluation.max_new_tokens=2", change) == 2
    printed = capsys.readouterr().err
    assert re.search(change.partition("=")[0].rpartition(".")[2].removesuffix("s"), printed)
    assert "Traceback" not in printed
    assert not (tmp_path / "run").exists()


def test_every_number_of_a_recipe_has_a_least_value() -> None:
    for name in recipe_names():
        for key, one, value in declared_values(load_recipe(name, "real")):
            if isinstance(value, int | float) and not isinstance(value, bool):
                assert one.option.minimum is not None, key


def test_a_key_that_stands_twice_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "twice.yaml"
    path.write_text("model_name_or_path: m\nmax_steps: 2\nbeta: 0.1\nmax_steps: 1\n")
    assert main(["train", "--config", str(path), "--print"]) == 2
    printed = capsys.readouterr().err
    assert "'max_steps' stands twice" in printed
    assert "line 4" in printed


def test_what_a_cluster_would_not_read_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["train", "--config", "r1_zero", "--size", "real", "--engine", "mindspeed-rl"]
    words += ["--host", str(tmp_path), "--print"]
    for more in (
        ["--set", "grpo.trl.beta=1"],
        ["--stage", "grpo"],
        ["--resume"],
        ["--output", "x"],
    ):
        assert main([*words, *more]) == 2
        printed = capsys.readouterr().err
        assert f"{more[0]} would change nothing" in printed
    folder = tmp_path / "cli"
    folder.mkdir()
    (folder / "train_grpo.py").touch()
    mine = tmp_path / "mine.yaml"
    mine.write_text("rl_config: {}\n")
    assert main([*words, "--set", f"cluster.mindspeed-rl={mine}"]) == 0
    assert "--config-name mine" in capsys.readouterr().out


def test_an_output_dir_in_a_trl_file_is_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "note.yaml"
    path.write_text("model_name_or_path: m\noutput_dir: output/mine\nmax_steps: 2\n")
    main(["train", "--config", str(path), "--print"])
    assert any("output_dir" in text and "--output" in text for text in caplog.messages)


def test_another_tokenizer_in_the_place_of_the_checkpoints_is_refused(
    tmp_path: Path, warm: Path, monkeypatch: pytest.MonkeyPatch, stop_after: Callable[[int], None]
) -> None:
    model = tmp_path / "model"
    shutil.copytree(warm, model)
    small = load_recipe("simplerl_zero", "cpu", [*SMALL, f"model={model}"])
    stop_after(3)
    with pytest.raises(KeyboardInterrupt):
        run_recipe(small, tmp_path / "run")
    monkeypatch.undo()
    path = model / "tokenizer.json"
    table = json.loads(path.read_text())
    vocabulary = table["model"]["vocab"]
    one, other = list(vocabulary)[-2:]
    vocabulary[one], vocabulary[other] = vocabulary[other], vocabulary[one]
    path.write_text(json.dumps(table))
    with pytest.raises(InputError, match=r"another tokenizer|other rows"):
        run_recipe(small, tmp_path / "run", resume=True)


def test_tokens_are_counted_on_after_a_resume(
    tmp_path: Path, warm: Path, monkeypatch: pytest.MonkeyPatch, stop_after: Callable[[int], None]
) -> None:
    small = load_recipe("simplerl_zero", "cpu", [*SMALL, f"model={warm}"])
    run_recipe(small, tmp_path / "whole")
    stop_after(3)
    with pytest.raises(KeyboardInterrupt):
        run_recipe(small, tmp_path / "stopped")
    monkeypatch.undo()
    run_recipe(small, tmp_path / "stopped", resume=True)
    counts = [
        [row["sft/num_tokens"] for _, row in read_jsonl(tmp_path / name / "sft/metrics.jsonl")]
        for name in ("whole", "stopped")
    ]
    assert counts[0] == counts[1]
    assert counts[0] == sorted(set(counts[0]))


def test_other_rows_under_the_same_name_are_refused(tmp_path: Path, warm: Path) -> None:
    rows = tmp_path / "rows.jsonl"
    lines = [json.dumps({"question": f"{n}+1?", "answer": f"#### {n + 1}"}) for n in range(6)]
    rows.write_text("\n".join(lines))
    changes = [
        *SMALL, f"model={warm}", "dataset.task=null", "dataset.config=gsm8k",
        f"dataset.options.input={rows}", "dataset.options.prompt_type=empty",
    ]  # fmt: skip
    small = load_recipe("gsm8k_sft", "cpu", changes)
    run_recipe(small, tmp_path / "run")
    rows.write_text("\n".join(reversed(lines)))
    with pytest.raises(InputError, match="other rows"):
        run_recipe(small, tmp_path / "run", resume=True)


def test_a_refused_stage_leaves_the_directory_to_the_corrected_command(
    tmp_path: Path, warm: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = load_recipe("simplerl_zero", "cpu", [*SMALL, f"model={warm}"])

    def refuse(*_: Any) -> Any:
        raise InputError("the longest prompt and a response together do not fit")

    monkeypatch.setattr(trainers, "config_class", refuse)
    with pytest.raises(InputError, match="do not fit"):
        run_recipe(small, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_model_whose_files_are_broken_is_named(
    tmp_path: Path, warm: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = tmp_path / "model"
    shutil.copytree(warm, model)
    weights = model / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    assert train(tmp_path / "run", *SMALL, f"model={model}") == 2
    assert f"the model at {model} cannot be loaded" in capsys.readouterr().err
    shutil.copy(warm / "model.safetensors", weights)
    config = json.loads((model / "config.json").read_text())
    (model / "config.json").write_text(json.dumps({**config, "vocab_size": 50}))
    assert train(tmp_path / "run", *SMALL, f"model={model}") == 2
    assert "another tokenizer" in capsys.readouterr().err


def test_the_disk_of_checkpoints_is_told_for_weights_in_one_file(warm: Path) -> None:
    from safetensors.torch import load_file

    expected = sum(t.numel() for t in load_file(warm / "model.safetensors").values())
    assert launch._parameters(str(warm)) == expected
    recipe = load_recipe("gsm8k_grpo", "real", [f"model={warm}"])
    assert any("checkpoints of about" in line for line in launch.disk_lines(recipe))


def test_rows_that_are_all_held_out_are_told_as_that(
    tmp_path: Path, warm: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = tmp_path / "rows.jsonl"
    rows.write_text('{"question": "1+1?", "answer": "#### 2"}\n' * 40)
    changes = [
        *SMALL, f"model={warm}", "dataset.task=null", "dataset.config=gsm8k", "dataset.held_out=3",
        f"dataset.options.input={rows}", "dataset.options.prompt_type=empty",
    ]  # fmt: skip
    assert train(tmp_path / "run", *changes, config="gsm8k_sft") == 2
    assert "40 rows with 1 different prompts" in capsys.readouterr().err
