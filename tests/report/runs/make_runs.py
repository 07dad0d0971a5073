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
from dataclasses import dataclass
from pathlib import Path

from mindspeed_rl_ext.core.jsonlines import read_jsonl, write_jsonl
from mindspeed_rl_ext.recipes.grpo import GrpoSettings, RolloutWriter, train_grpo

ROLLOUTS_EVERY_STEPS = 10
ROLLOUTS_KEPT_A_STEP = 16  # two groups


@dataclass(frozen=True)
class FixtureRun:
    """One run: settings, how many problems it sees, what its verifiers weigh."""

    settings: GrpoSettings
    prompts: int | None = None
    answer_weight: float = 0.8
    format_weight: float = 0.2


RUNS = {
    "healthy": FixtureRun(GrpoSettings(steps=80, seed=1)),
    "entropy_up": FixtureRun(
        GrpoSettings(steps=40, learning_rate=1e-2, clip=10.0, max_grad_norm=1e9, seed=1)
    ),
    # Weights that are exact in binary: with 0.2 the rounding of the mean hides from TRL that all
    # rewards of a group are equal.
    "entropy_down": FixtureRun(
        GrpoSettings(steps=60, learning_rate=3e-3, seed=1), 16, answer_weight=0.75,
        format_weight=0.25,
    ),
}  # fmt: skip


def main() -> None:
    """Trains one run and writes its metrics and some of its rollouts."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("quickstart", type=Path)
    parser.add_argument("name", choices=RUNS)
    parser.add_argument("output", type=Path)
    args = parser.parse_args()
    warnings.simplefilter("ignore")
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from mindspeed_rl_ext.integrations.packed_prompts import packed_prompts
    from mindspeed_rl_ext.integrations.trl import reward_functions
    from mindspeed_rl_ext.preprocess.packing.packed import read_packed
    from mindspeed_rl_ext.recipes.device import use_one_thread

    use_one_thread()
    run = RUNS[args.name]
    weights = {"countdown": run.answer_weight, "countdown_format": run.format_weight}
    folder = args.output / args.name
    tokenizer = AutoTokenizer.from_pretrained(args.quickstart / "hf")
    model = AutoModelForCausalLM.from_pretrained(args.quickstart / "hf")
    rows = packed_prompts(read_packed(args.quickstart / "packed" / "train"), tokenizer)
    every = folder / "all_rollouts.jsonl"
    writer = RolloutWriter(every, weights, ROLLOUTS_EVERY_STEPS)
    funcs = reward_functions(list(weights), on_verdicts=writer)
    rows = rows[: run.prompts]
    train_grpo(model, tokenizer, rows, funcs, list(weights.values()), run.settings, folder)
    kept: dict[int, list[dict[str, object]]] = {}
    for _, row in read_jsonl(every):
        kept.setdefault(row["step"], []).append(row)
    few = (row for step in kept.values() for row in step[:ROLLOUTS_KEPT_A_STEP])
    write_jsonl(folder / "rollouts.jsonl", few)
    every.unlink()


if __name__ == "__main__":
    main()
