"""CPU seconds of one GRPO step on the tiny model: 128 responses of at most 64 tokens, one thread.

    python benchmarks/grpo_step.py [--steps 6]

The policy is a tiny Qwen2 after a short warm start on Countdown, so that responses have the lengths
of a real run; the trainer is that of `msrl-ext train`. The first step, which loads kernels, is
left out. Limit of the recipes issue: 0.9 CPU seconds per step.
"""

from __future__ import annotations

import argparse
import logging
import tempfile
import time
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

from mindspeed_rl_ext.recipes.device import use_one_thread
from mindspeed_rl_ext.recipes.tasks import signs
from mindspeed_rl_ext.recipes.tiny_model import build_model, build_tokenizer
from mindspeed_rl_ext.recipes.training import runner
from mindspeed_rl_ext.recipes.training.recipe.files import load_recipe
from mindspeed_rl_ext.recipes.training.recipe.schema import DatasetSection
from mindspeed_rl_ext.recipes.training.rows.sft_rows import Example
from mindspeed_rl_ext.recipes.training.stages.sft import imitate
from mindspeed_rl_ext.recipes.training.trainer import running as trainers

WARM_TRL = {
    "max_steps": 150, "per_device_train_batch_size": 32, "learning_rate": 3e-3, "warmup_steps": 20,
    "lr_scheduler_type": "cosine", "weight_decay": 0.0, "save_strategy": "no",
}  # fmt: skip


def main() -> None:
    """Trains some steps and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=6)
    args = parser.parse_args()
    logging.disable(logging.WARNING)
    use_one_thread()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        cpu_s, wall_s = timed(folder, warm_start(folder), args.steps)
    print("| step | CPU s | wall s |\n|---|---|---|")
    for step, (cpu, wall) in enumerate(zip(cpu_s, wall_s, strict=True), start=2):
        print(f"| {step} | {cpu:.2f} | {wall:.2f} |")
    print(f"\nmean CPU seconds per step: {sum(cpu_s) / len(cpu_s):.2f} (limit 0.9)")


def warm_start(folder: Path) -> Path:
    """A policy that writes whole responses."""
    tokenizer = build_tokenizer(folder / "start")
    build_model(tokenizer, seed=0).save_pretrained(folder / "start")
    train, _ = signs.split_problems(seed=0)
    rows = signs.demonstrations(train, 4000, seed=0)
    examples = [Example(row["instruction"], row["output"]) for row in rows]
    return imitate(folder / "start", examples, folder / "warm", WARM_TRL, seed=0)


def timed(folder: Path, policy: Path, steps: int) -> tuple[list[float], list[float]]:
    """CPU and wall seconds of each step after the first."""
    changes = ["stages=[grpo]", f"model={policy}", "report_to=[none]"]
    changes += [f"grpo.trl.max_steps={steps + 1}", "grpo.trl.save_steps=1000"]
    recipe = load_recipe("countdown", "cpu", changes)
    recipe = replace(recipe, dataset=DatasetSection(task="signs"))
    marks: list[tuple[float, float]] = []
    shown = trainers._shown_callback

    def marking(bar: Any) -> Any:
        callback = shown(bar)
        on_step = callback.on_step_end

        def on_step_end(*a: Any, **k: Any) -> None:
            marks.append((time.process_time(), time.perf_counter()))
            on_step(*a, **k)

        callback.on_step_end = on_step_end
        return callback

    trainers._shown_callback = marking
    runner.run_recipe(recipe, folder / "run")
    gaps = list(pairwise(marks))
    return [b[0] - a[0] for a, b in gaps], [b[1] - a[1] for a, b in gaps]


if __name__ == "__main__":
    main()
