"""Every recipe at its CPU size: steps, seconds, held-out accuracy before and after.

    python benchmarks/recipes_table.py [NAME ...] [--save TABLE.md]

One recipe after the other, each a process of its own on one thread. "before" is the policy that
the recipe's model is; "warm" the one after the stages before the last.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from mindspeed_rl_ext.recipes.training.recipe.files import load_recipe, recipe_names
from mindspeed_rl_ext.recipes.training.recipe.schema import Recipe

HEAD = "| recipe | stages (steps) | wall s | CPU s | accuracy before | warm | after |"
RULE = "|---|---|---|---|---|---|---|"


def main() -> None:
    """Runs them and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", default=recipe_names())
    parser.add_argument("--save", type=Path)
    args = parser.parse_args()
    lines = [HEAD, RULE]
    for name in args.names:
        lines.append(one(name))
        print(lines[-1], flush=True)
        if args.save:
            args.save.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print("\n".join(["", *lines]))


def one(name: str) -> str:
    """Trains one recipe; returns its row."""
    recipe = load_recipe(name, "cpu")
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "run"
        start_s, start_cpu_s = time.monotonic(), children_cpu_s()
        command = [sys.executable, "-m", "mindspeed_rl_ext.cli", "train", "--config", name]
        subprocess.run(
            [*command, "--size", "cpu", "--output", str(output), "--set", "report_to=[none]"],
            env={**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"},
            check=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        wall_s, cpu_s = time.monotonic() - start_s, children_cpu_s() - start_cpu_s
        accuracies = [accuracy(output, stage) for stage in ("start", *trained(recipe))]
    warm = f"{accuracies[-2]:.3f}" if len(accuracies) > 2 else ""
    numbers = f"{wall_s:.0f} | {cpu_s:.0f} | {accuracies[0]:.3f} | {warm} | {accuracies[-1]:.3f}"
    return f"| {name} | {', '.join(steps(recipe))} | {numbers} |"


def trained(recipe: Recipe) -> list[str]:
    """The stages that leave a policy."""
    return [stage for stage in recipe.stages if stage != "sample"]


def steps(recipe: Recipe) -> list[str]:
    """Each stage with the steps it takes."""
    found = []
    for stage in recipe.stages:
        if stage == "sample":
            found.append(f"sample ({recipe.sample.prompts} x {recipe.sample.samples_per_prompt})")
        elif stage == "expert_iteration":
            each = recipe.expert_iteration.trl["max_steps"]
            found.append(f"expert_iteration ({recipe.expert_iteration.rounds} x {each})")
        else:
            found.append(f"{stage} ({getattr(recipe, stage).trl['max_steps']})")
    return found


def accuracy(output: Path, stage: str) -> float:
    """Held-out accuracy after a stage, "start" for the one before."""
    text = (output / "evaluation" / f"{stage}.json").read_text(encoding="utf-8")
    return float(json.loads(text)["accuracy"])


def children_cpu_s() -> float:
    """CPU seconds of all processes that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main()
