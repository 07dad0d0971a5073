"""The whole loop, really run: short for its joints, in full for what it must teach.

The full run takes minutes of CPU.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("trl", reason="the quickstart needs trl")
pytest.importorskip("matplotlib", reason="the quickstart needs matplotlib")

from mindspeed_rl_ext.core.files.jsonlines import read_jsonl
from mindspeed_rl_ext.core.responses.metrics import read_metrics
from mindspeed_rl_ext.core.responses.rollouts import read_rollouts
from mindspeed_rl_ext.recipes.tasks.signs import split_problems

ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}


def quickstart(output: Path, *flags: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "mindspeed_rl_ext.cli", "quickstart", "--output", str(output)]
    return subprocess.run(
        [*command, *flags], capture_output=True, text=True, env=ENVIRONMENT, check=False
    )


@pytest.fixture(scope="module")
def short_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("short") / "run"
    finished = quickstart(output, "--sft-steps", "80", "--grpo-steps", "2", "--seed", "0")
    assert finished.returncode == 0, finished.stdout + finished.stderr
    assert "not judged" in finished.stdout
    return output


def weights(folder: Path) -> dict[str, Any]:
    from safetensors.torch import load_file

    return load_file(folder / "model.safetensors")


def test_every_stage_leaves_its_files(short_run: Path) -> None:
    for name in (
        "task/train.jsonl",
        "task/demonstrations.jsonl",
        "model/tokenizer.json",
        "packed/train_packed_input_ids_document.bin",
        "packed/heldout_packed_labels_document.idx",
        "sft/model.safetensors",
        "mcore/iter_0000001/mp_rank_01_001/model_optim_rng.pt",
        "mcore/latest_checkpointed_iteration.txt",
        "hf/model.safetensors",
        "grpo/metrics.jsonl",
        "grpo/rollouts.jsonl",
        "grpo/policy/model.safetensors",
        "evaluation/before.jsonl",
        "evaluation/after.jsonl",
        "report/report.html",
        "report/curves.png",
    ):
        assert (short_run / name).stat().st_size > 0, name


def test_the_policy_that_came_back_from_mcore_is_the_one_of_the_warm_start(short_run: Path) -> None:
    import torch

    warm, back = weights(short_run / "sft"), weights(short_run / "hf")
    assert warm.keys() == back.keys()
    assert all(torch.equal(warm[name], back[name]) for name in warm)
    initial = weights(short_run / "model")
    assert not all(torch.equal(warm[name], initial[name]) for name in warm)


def test_grpo_changed_the_policy(short_run: Path) -> None:
    import torch

    back, trained = weights(short_run / "hf"), weights(short_run / "grpo" / "policy")
    assert not all(torch.equal(back[name], trained[name]) for name in back)


def test_evaluation_is_on_held_out_sets_only_and_on_all_of_them(short_run: Path) -> None:
    train, held_out = split_problems(seed=0)
    for when in ("before", "after"):
        asked = {r.prompt for r in read_rollouts(short_run / "evaluation" / f"{when}.jsonl")}
        assert asked == {problem.prompt for problem in held_out}
        assert not asked & {problem.prompt for problem in train}


def test_the_rollouts_of_grpo_answer_training_prompts_in_groups_of_eight(short_run: Path) -> None:
    train, _ = split_problems(seed=0)
    rollouts = [r for r in read_rollouts(short_run / "grpo" / "rollouts.jsonl") if r.step == 1]
    assert {r.prompt for r in rollouts} <= {problem.prompt for problem in train}
    assert len(rollouts) == 128
    assert len({r.group for r in rollouts}) == 16


def test_logged_rewards_are_those_of_the_rollouts(short_run: Path) -> None:
    (first, *_) = read_metrics(short_run / "grpo" / "metrics.jsonl")
    rollouts = [r for r in read_rollouts(short_run / "grpo" / "rollouts.jsonl") if r.step == 1]
    rewards = [r.reward for r in rollouts if r.reward is not None]
    assert first.values["grpo/rewards/mean"] == pytest.approx(sum(rewards) / len(rewards), abs=1e-5)
    scores = [r.verdicts["countdown"].score for r in rollouts]
    assert first.values["countdown_rewards/mean"] == pytest.approx(sum(scores) / len(scores))


def test_packed_prompts_hold_nothing_of_the_answer(short_run: Path) -> None:
    from mindspeed_rl_ext.preprocess.packing.packed import read_packed
    from mindspeed_rl_ext.preprocess.templates.tokenizer import load_tokenizer

    tokenizer = load_tokenizer(str(short_run / "model"))
    packed = read_packed(short_run / "packed" / "train")
    rows = [row for _, row in read_jsonl(short_run / "task" / "train.jsonl")]
    assert len(packed) == len(rows)
    for i in range(len(packed)):
        prompt = tokenizer.decode(packed[i]["input_ids"].tolist(), skip_special_tokens=False)
        label = tokenizer.decode(packed[i]["labels"].tolist(), skip_special_tokens=True)
        assert prompt == rows[i]["question"]
        assert json.loads(label) == json.loads(rows[i]["answer"])


@pytest.mark.long
def test_the_full_run_lifts_held_out_accuracy_and_keeps_the_format(tmp_path: Path) -> None:
    finished = quickstart(tmp_path / "run")
    assert finished.returncode == 0, finished.stdout + finished.stderr
    before, after = (
        json.loads((tmp_path / "run" / "evaluation" / f"{when}.json").read_text())
        for when in ("before", "after")
    )
    assert after["accuracy"] - before["accuracy"] >= 0.15
    assert after["format"] >= 0.95
