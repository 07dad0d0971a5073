"""Makes the fixtures of this folder: short real GRPO runs of the quickstart's pieces.

Needs the directory of a quickstart whose warm start is there, then trains from its `hf` checkpoint:

    python -m mindspeed_rl_ext.cli quickstart --output qs --grpo-steps 1
    python tests/report/runs/make_runs.py qs healthy OUT
    python tests/report/runs/make_runs.py qs entropy_up OUT
    python tests/report/runs/make_runs.py qs entropy_down OUT

Each takes one to three minutes on one core. README.md says what came out.
"""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from mindspeed_rl_ext.core.files.jsonlines import read_jsonl, write_jsonl
from mindspeed_rl_ext.recipes.quickstart.options import QuickstartOptions, loop_recipe
from mindspeed_rl_ext.recipes.training.recipe.schema import DatasetSection, Recipe
from mindspeed_rl_ext.recipes.training.rows.prompts import load_prompts
from mindspeed_rl_ext.recipes.training.stages.grpo import grpo
from mindspeed_rl_ext.recipes.training.trainer.running import ROLLOUTS, StageRun

ROLLOUTS_KEPT_A_STEP = 16  # two groups


@dataclass(frozen=True)
class FixtureRun:
    """One run: what it changes of the quickstart's, how many problems it sees, its weights."""

    trl: Mapping[str, Any]
    prompts: int | None = None
    weights: tuple[float, float] = (0.8, 0.2)


RUNS = {
    "healthy": FixtureRun({"max_steps": 80}),
    "entropy_up": FixtureRun(
        {"max_steps": 40, "learning_rate": 1e-2, "epsilon": 10.0, "max_grad_norm": 1e9}
    ),
    # Weights that are exact in binary: with 0.2 the rounding of the mean hides from TRL that all
    # rewards of a group are equal.
    "entropy_down": FixtureRun({"max_steps": 60, "learning_rate": 3e-3}, 16, (0.75, 0.25)),
}


def recipe_of(run: FixtureRun, prefix: Path) -> Recipe:
    """The quickstart's recipe with the changes of a run."""
    recipe = loop_recipe(QuickstartOptions())
    section = replace(recipe.grpo, trl={**recipe.grpo.trl, **run.trl})
    dataset = DatasetSection(packed=str(prefix), rows=run.prompts)
    return replace(recipe, grpo=section, dataset=dataset, weights=run.weights)


def main() -> None:
    """Trains one run and writes its metrics and some of its rollouts."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("quickstart", type=Path)
    parser.add_argument("name", choices=RUNS)
    parser.add_argument("output", type=Path)
    args = parser.parse_args()
    warnings.simplefilter("ignore")
    from mindspeed_rl_ext.recipes.device import use_one_thread
    from mindspeed_rl_ext.recipes.training.models import load_tokenizer

    use_one_thread()
    start, folder = args.quickstart / "hf", args.output / args.name
    folder.mkdir(parents=True)
    recipe = recipe_of(RUNS[args.name], args.quickstart / "packed" / "train")
    run = StageRun(recipe, folder, start, load_tokenizer(start))
    grpo(run, load_prompts(recipe, run.tokenizer, str(start)))
    kept: dict[int, list[dict[str, object]]] = {}
    for _, row in read_jsonl(folder / ROLLOUTS):
        kept.setdefault(row["step"], []).append(row)
    write_jsonl(
        folder / ROLLOUTS, (row for step in kept.values() for row in step[:ROLLOUTS_KEPT_A_STEP])
    )


if __name__ == "__main__":
    main()
