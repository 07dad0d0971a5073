"""Groups whose responses all have one reward teach nothing: counted, and dropped on request."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("trl", reason="the extra [train] brings TRL")

from mindspeed_rl_ext import verifier
from mindspeed_rl_ext.core.files.jsonlines import read_jsonl
from mindspeed_rl_ext.recipes.training.recipe.files import load_recipe
from mindspeed_rl_ext.recipes.training.runner import run_recipe

SMALL = [
    "report_to=[none]", "evaluation.max_new_tokens=2", "evaluation.batch_size=512",
    "grpo.trl.max_completion_length=24", "grpo.trl.per_device_train_batch_size=32",
    "grpo.trl.num_generations=8", "grpo.trl.max_steps=2",
]  # fmt: skip


@verifier("one_fifth", levels=(0.2, 0.2))
def one_fifth(response: str) -> float:
    """Eight times 0.2 have a deviation of 1.5e-8 in float32."""
    return 0.2


def metrics_of(warm: Path, folder: Path, *changes: str) -> list[dict[str, Any]]:
    run_recipe(load_recipe("simplerl_zero", "cpu", [*SMALL, f"model={warm}", *changes]), folder)
    return [row for _, row in read_jsonl(folder / "grpo" / "metrics.jsonl")]


def test_dropped_groups_leave_the_loss_to_the_others(warm: Path, tmp_path: Path) -> None:
    for row in metrics_of(warm, tmp_path / "run", "grpo.dynamic_sampling={max_rounds: 0}"):
        assert row["grpo/dropped_groups/frac"] == pytest.approx(row["grpo/zero_std_groups/frac"])


def test_groups_of_one_odd_reward_are_counted_and_dropped(warm: Path, tmp_path: Path) -> None:
    changes = ["verifiers=[one_fifth]", "weights=[1.0]", "grpo.dynamic_sampling={max_rounds: 1}"]
    for row in metrics_of(warm, tmp_path / "run", *changes):
        assert row["grpo/rewards/mean"] == pytest.approx(0.2)
        assert row["grpo/zero_std_groups/frac"] == 1
        assert row["grpo/dropped_groups/frac"] == 1
        assert row["actor/pg_loss"] == 0
        assert row["grad_norm"] == 0
