"""Trainings really run on a tiny policy: stopped, resumed, spoilt, and left without disk space."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("trl", reason="training needs trl")

from mindspeed_rl_ext.cli._dispatch import main
from mindspeed_rl_ext.core.errors import CheckFailedError, InputError
from mindspeed_rl_ext.core.files.jsonlines import read_jsonl
from mindspeed_rl_ext.recipes.training.recipe.files import load_recipe, recipe_names
from mindspeed_rl_ext.recipes.training.recipe.schema import Recipe
from mindspeed_rl_ext.recipes.training.runner import run_recipe
from mindspeed_rl_ext.recipes.training.trainer import checkpoints

ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
# Few and short: what is tested here does not depend on learning much.
SMALL = [
    "report_to=[none]",
    "grpo.rollouts_every_steps=1",
    "grpo.trl.max_completion_length=24",
    "grpo.trl.per_device_train_batch_size=16",
    "grpo.trl.num_generations=4",
    "grpo.trl.max_steps=6",
    "grpo.trl.save_steps=2",
    "grpo.trl.save_total_limit=2",
    "sft.trl.per_device_train_batch_size=4",
    "sft.trl.max_steps=6",
    "sft.trl.save_steps=2",
    "evaluation.max_new_tokens=2",
    "evaluation.batch_size=512",
]


def recipe(warm: Path, *changes: str) -> Recipe:
    return load_recipe("simplerl_zero", "cpu", [*SMALL, f"model={warm}", *changes])


def rows(path: Path) -> list[dict[str, Any]]:
    return [row for _, row in read_jsonl(path)]


def losses(folder: Path) -> list[tuple[Any, ...]]:
    # With several updates on one batch, the second has no rewards of its own.
    keys = ("actor/pg_loss", "grpo/rewards/mean", "response_length/mean")
    return [
        (row["step"], *(row.get(key) for key in keys)) for row in rows(folder / "metrics.jsonl")
    ]


def weights(folder: Path) -> dict[str, Any]:
    from safetensors.torch import load_file

    return load_file(folder / "model.safetensors")


def same_weights(one: Path, other: Path) -> bool:
    import torch

    mine, theirs = weights(one), weights(other)
    return all(torch.equal(mine[name], theirs[name]) for name in mine)


@pytest.fixture(scope="module")
def whole_run(warm: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("whole") / "run"
    run_recipe(recipe(warm), output)
    return output


def test_a_run_writes_what_the_report_reads(whole_run: Path, tmp_path: Path) -> None:
    steps = rows(whole_run / "grpo" / "metrics.jsonl")
    assert [row["step"] for row in steps] == [1, 2, 3, 4, 5, 6]
    for name in (
        "grpo/rewards/mean",
        "simplerl_rewards/mean",
        "grpo/zero_std_groups/frac",
        "grpo/all_right_groups/frac",
        "grpo/all_wrong_groups/frac",
        "actor/entropy",
        "prompt_length/mean",
        "timing/rollout",
        "timing/update",
        "e2e_tps",
        "global_batch_size",
    ):
        assert all(name in row for row in steps), name
    written = rows(whole_run / "grpo" / "rollouts.jsonl")
    assert len(written) == 6 * 16
    for step in steps:
        mine = [row for row in written if row["step"] == step["step"]]
        mean = sum(row["reward"] for row in mine) / len(mine)
        assert step["grpo/rewards/mean"] == pytest.approx(mean, abs=1e-5)


def test_the_policys_card_names_what_it_was_made_of(whole_run: Path, warm: Path) -> None:
    for place in (whole_run / "grpo", whole_run / "grpo" / "policy"):
        card = (place / "README.md").read_text(encoding="utf-8")
        assert f"fine-tuned from `{warm}`" in card
        assert "`simplerl` (weight 1)" in card
        assert "None" not in card


def test_throughput_follows_the_formula_of_mindspeed_rl(whole_run: Path) -> None:
    for row in rows(whole_run / "grpo" / "metrics.jsonl"):
        length = row["response_length/mean"] + row["prompt_length/mean"]
        tokens = length * row["global_batch_size"] * row["n_samples_per_prompt"] / row["world_size"]
        assert row["e2e_tps"] == pytest.approx(tokens / row["timing/all"], rel=1e-3)
        assert row["vllm_tps"] == pytest.approx(tokens / row["timing/rollout"], rel=1e-3)


def test_groups_all_right_and_all_wrong_are_those_of_the_rollouts(whole_run: Path) -> None:
    written = rows(whole_run / "grpo" / "rollouts.jsonl")
    for step in rows(whole_run / "grpo" / "metrics.jsonl"):
        groups: dict[str, list[bool]] = {}
        for row in written:
            if row["step"] == step["step"]:
                right = row["verdicts"]["simplerl"]["outcome"] == "CORRECT"
                groups.setdefault(row["group"], []).append(right)
        assert step["grpo/all_right_groups/frac"] == sum(map(all, groups.values())) / len(groups)
        none_right = sum(not any(group) for group in groups.values())
        assert step["grpo/all_wrong_groups/frac"] == none_right / len(groups)


@pytest.mark.parametrize("name", [n for n in recipe_names() if n != "simplerl_zero"])
def test_every_recipes_cpu_size_runs_through(name: str, warm: Path, tmp_path: Path) -> None:
    changes = [change for change in SMALL if "_steps" not in change]
    changes += ["sft.trl.max_steps=1", "grpo.trl.max_steps=1", "dataset.held_out=4"]
    if name in ("gsm8k_ei", "simplerl"):
        # What is sampled must now and then be right: in the layout that the policy knows.
        changes += [f"model={warm}", "verifiers=[simplerl]", "sft.demonstration=boxed"]
        changes += ["sample.prompts=24", "expert_iteration.sample.prompts=24"]
        changes += ["expert_iteration.rounds=1", "expert_iteration.trl.max_steps=1"]
    one = load_recipe(name, "cpu", changes)
    results = run_recipe(one, tmp_path / "run")
    assert [result.stage for result in results] == ["start", *one.stages]
    assert (tmp_path / "run" / one.stages[-1] / "policy" / "model.safetensors").is_file()
    assert all(result.accuracy is not None for result in results if result.stage != "sample")


# A signal to itself, at a step, and not when another process happens to look.
CTRL_C_AT_STEP_3 = """
import os, signal, sys
from mindspeed_rl_ext.cli._dispatch import main
from mindspeed_rl_ext.core.responses import metrics
write = metrics.append_metrics
def write_and_stop(path, row):
    write(path, row)
    if row.step == 3:
        os.kill(os.getpid(), signal.SIGINT)
metrics.append_metrics = write_and_stop
sys.exit(main(sys.argv[1:]))
"""


def test_ctrl_c_leaves_a_whole_checkpoint_and_a_resumed_run_goes_on_exactly(
    warm: Path, whole_run: Path, tmp_path: Path
) -> None:
    output = tmp_path / "run"
    changes = [word for change in [*SMALL, f"model={warm}"] for word in ("--set", change)]
    command = [sys.executable, "-c", CTRL_C_AT_STEP_3, "train", "--config", "simplerl_zero"]
    command += ["--output", str(output), *changes]
    finished = subprocess.run(command, env=ENVIRONMENT, stderr=subprocess.PIPE, text=True)
    assert finished.returncode == 130, finished.stderr
    stopped = finished.stderr.splitlines()[-1]
    assert f"interrupted: the last good checkpoint is {output / 'grpo' / 'checkpoint-2'}" in stopped
    assert "--resume" in stopped
    last = checkpoints.last_whole(output / "grpo")
    assert last is not None
    assert checkpoints.step_of(last) in (2, 4)
    assert not (output / "grpo" / "policy").exists()

    run_recipe(recipe(warm), output, resume=True)
    assert losses(output / "grpo") == losses(whole_run / "grpo")
    assert same_weights(output / "grpo" / "policy", whole_run / "grpo" / "policy")
    texts = [
        [(row["id"], row["response"]) for row in rows(folder / "grpo" / "rollouts.jsonl")]
        for folder in (output, whole_run)
    ]
    assert texts[0] == texts[1]


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param(["grpo.trl.beta=0.1"], id="with a reference model"),
        pytest.param(
            [
                "grpo.trl.gradient_accumulation_steps=2",
                "grpo.trl.per_device_train_batch_size=8",
                "grpo.trl.num_iterations=2",
            ],
            id="two updates on each batch",
        ),
        pytest.param(["grpo.dynamic_sampling={max_rounds: 1}"], id="dynamic sampling"),
    ],
)
def test_every_kind_of_run_resumes_exactly(
    warm: Path,
    tmp_path: Path,
    changes: list[str],
    monkeypatch: pytest.MonkeyPatch,
    stop_after: Callable[[int], None],
) -> None:
    small = recipe(warm, "grpo.trl.max_steps=4", *changes)
    run_recipe(small, tmp_path / "whole")
    stop_after(3)
    with pytest.raises(KeyboardInterrupt):
        run_recipe(small, tmp_path / "stopped")
    monkeypatch.undo()
    run_recipe(small, tmp_path / "stopped", resume=True)
    assert losses(tmp_path / "stopped" / "grpo") == losses(tmp_path / "whole" / "grpo")
    assert same_weights(tmp_path / "stopped/grpo/policy", tmp_path / "whole/grpo/policy")


def test_fine_tuning_resumes_exactly(
    warm: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stop_after: Callable[[int], None]
) -> None:
    small = recipe(warm, "stages=[sft]", "sft.demonstration=boxed", "sft.trl.learning_rate=1e-3")
    run_recipe(small, tmp_path / "whole")
    stop_after(5)
    with pytest.raises(KeyboardInterrupt):
        run_recipe(small, tmp_path / "stopped")
    monkeypatch.undo()
    run_recipe(small, tmp_path / "stopped", resume=True)
    found = [
        [(row["step"], row["sft/loss"]) for row in rows(tmp_path / name / "sft" / "metrics.jsonl")]
        for name in ("stopped", "whole")
    ]
    assert found[0] == found[1]
    assert same_weights(tmp_path / "stopped/sft/policy", tmp_path / "whole/sft/policy")


def test_a_loss_that_is_no_number_stops_before_the_weights_take_it(
    warm: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from trl import GRPOTrainer

    compute = GRPOTrainer._compute_loss

    def spoilt(self: Any, model: Any, inputs: Any) -> Any:
        loss = compute(self, model, inputs)
        return loss * float("nan") if self.state.global_step == 4 else loss

    monkeypatch.setattr(GRPOTrainer, "_compute_loss", spoilt)
    with pytest.raises(CheckFailedError, match="loss of step 5 is nan") as stopped:
        run_recipe(recipe(warm), tmp_path / "run")
    last = tmp_path / "run" / "grpo" / "checkpoint-4"
    assert str(last) in str(stopped.value)
    assert checkpoints.is_whole(last)
    assert all(value.isfinite().all() for value in weights(last).values())


def test_a_gradient_that_is_no_number_stops_too(
    warm: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch
    from trl import GRPOTrainer

    compute = GRPOTrainer._compute_loss

    def spoilt(self: Any, model: Any, inputs: Any) -> Any:
        # The value is finite, its derivative at 0 is not.
        parameter = next(model.parameters()).reshape(-1)[0]
        return compute(self, model, inputs) + torch.sqrt((parameter - parameter.detach()).abs())

    monkeypatch.setattr(GRPOTrainer, "_compute_loss", spoilt)
    with pytest.raises(CheckFailedError, match="gradient of step 1 is nan"):
        run_recipe(recipe(warm), tmp_path / "run")
    assert not (tmp_path / "run" / "grpo" / "policy").exists()


def test_a_full_disk_while_saving_exits_with_3_and_keeps_the_checkpoint_before(
    warm: Path, tmp_path: Path
) -> None:
    output = tmp_path / "run"
    run_recipe(recipe(warm, "grpo.trl.max_steps=2"), output)
    (output / "recipe.json").unlink()
    before = {p.name: p.read_bytes() for p in (output / "grpo/checkpoint-2").iterdir()}
    for name in ("policy", "done.json"):
        path = output / "grpo" / name
        path.unlink() if path.is_file() else [p.unlink() for p in path.iterdir()]
    (output / "grpo" / "policy").rmdir()
    (output / "evaluation" / "grpo.json").unlink()
    record = json.loads(json.dumps(_as_table(recipe(warm))))
    (output / "recipe.json").write_text(json.dumps(record))
    limit = (output / "grpo/checkpoint-2/model.safetensors").stat().st_size // 2
    changes = [word for change in [*SMALL, f"model={warm}"] for word in ("--set", change)]
    finished = subprocess.run(
        [
            *(sys.executable, "-m", "mindspeed_rl_ext.cli", "train", "--config", "simplerl_zero"),
            *("--output", str(output), "--resume", *changes),
        ],
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),
    )
    assert finished.returncode == 3, finished.stderr
    assert f"the last good checkpoint is {output / 'grpo/checkpoint-2'}" in finished.stderr
    assert {p.name: p.read_bytes() for p in (output / "grpo/checkpoint-2").iterdir()} == before
    assert [p.name for p in checkpoints.checkpoints(output / "grpo")] == ["checkpoint-2"]


def _as_table(one: Recipe) -> dict[str, Any]:
    from dataclasses import asdict

    return asdict(one)


def test_sample_keeps_what_is_right_and_counts_the_rest(warm: Path, tmp_path: Path) -> None:
    from mindspeed_rl_ext.recipes.tasks.largest import split_problems
    from mindspeed_rl_ext.verifiers import score

    small = recipe(
        warm,
        "stages=[sample, sft]",
        "sft.data=sample",
        "sample={prompts: 40, samples_per_prompt: 4, keep_per_prompt: 1, max_new_tokens: 32}",
        "sft.trl.max_steps=2",
    )
    run_recipe(small, tmp_path / "run")
    folder = tmp_path / "run" / "sample"
    kept, counts = rows(folder / "alpaca.jsonl"), json.loads((folder / "counts.json").read_text())
    assert counts["drawn"] == 160
    assert counts["kept"] == len(kept) > 0
    assert counts["kept"] + sum(counts["dropped"].values()) == 160
    assert counts["dropped"]["wrong"] > 0
    answers = {p.prompt: p.answer for p in split_problems(small.seed)[0]}
    asked = [row["instruction"] for row in kept]
    assert len(set(asked)) == len(asked)
    judged = score(
        [row["output"] for row in kept], [answers[a] for a in asked], verifiers=["simplerl"]
    )
    assert set(judged.rewards) == {1.0}


def test_expert_iteration_starts_each_round_from_the_one_before(warm: Path, tmp_path: Path) -> None:
    small = recipe(
        warm,
        "stages=[expert_iteration]",
        "expert_iteration.rounds=2",
        "expert_iteration.sample={prompts: 24, samples_per_prompt: 4, max_new_tokens: 32}",
        "expert_iteration.trl={max_steps: 2, per_device_train_batch_size: 4, learning_rate: 1e-3}",
    )
    run_recipe(small, tmp_path / "run")
    folder = tmp_path / "run" / "expert_iteration"
    assert same_weights(folder / "policy", folder / "round_2" / "policy")
    assert not same_weights(folder / "round_1" / "policy", folder / "round_2" / "policy")
    asked = [
        {row["prompt"] for row in rows(folder / f"round_{n}" / "sample" / "rollouts.jsonl")}
        for n in (1, 2)
    ]
    assert asked[0] != asked[1]
    assert [row["step"] for row in rows(folder / "metrics.jsonl")] == [1, 2]


def test_a_run_with_other_settings_is_not_resumed(whole_run: Path, warm: Path) -> None:
    with pytest.raises(InputError, match="other settings") as refused:
        run_recipe(recipe(warm, "grpo.trl.beta=0.5"), whole_run, resume=True)
    assert "grpo.trl.beta" in str(refused.value)


def test_a_second_run_does_not_overwrite_the_first(whole_run: Path, warm: Path) -> None:
    with pytest.raises(InputError, match="earlier run"):
        run_recipe(recipe(warm), whole_run)


def test_a_finished_run_is_resumed_without_training_again(
    whole_run: Path, warm: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = (whole_run / "grpo" / "metrics.jsonl").read_bytes()
    changes = [word for change in [*SMALL, f"model={warm}"] for word in ("--set", change)]
    flags = ["--config", "simplerl_zero", "--output", str(whole_run), "--resume"]
    assert main(["train", *flags, *changes]) == 0
    assert (whole_run / "grpo" / "metrics.jsonl").read_bytes() == before
    assert "held-out accuracy" in capsys.readouterr().out
