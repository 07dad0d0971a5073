"""Makes the fixtures of this folder: short real GRPO runs of the quickstart's pieces.

Needs the directory of a quickstart whose warm start is there, then trains from its `hf` checkpoint:

    python -m mindspeed_rl_ext.cli quickstart --output qs --grpo-steps 1
    python tests/report/runs/make_runs.py qs healthy OUT
    python tests/report/runs/make_runs.py qs entropy_up OUT
    python tests/report/runs/make_runs.py qs entropy_down OUT

Each takes one to two minutes on one core. README.md says what came out.
"""

from __future__ import annotations

import argparse
import warnings
from pathlib import Path

from mindspeed_rl_ext.jsonlines import read_jsonl, write_jsonl
from mindspeed_rl_ext.recipes.grpo import GrpoSettings, RolloutWriter, train_grpo
from mindspeed_rl_ext.recipes.quickstart.workspace import VERIFIERS

RUNS = {
    "healthy": GrpoSettings(steps=80, seed=1),
    "entropy_up": GrpoSettings(steps=40, learning_rate=1e-2, clip=10.0, max_grad_norm=1e9, seed=1),
    "entropy_down": GrpoSettings(steps=100, learning_rate=1.5e-3, seed=1),
}
NUM_PROMPTS = {"entropy_down": 16}  # too few different problems
ROLLOUTS_EVERY_STEPS = 10
ROLLOUTS_KEPT_A_STEP = 16  # two groups


def main() -> None:
    """Trains one run and writes its metrics and some of its rollouts."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("quickstart", type=Path)
    parser.add_argument("name", choices=RUNS)
    parser.add_argument("output", type=Path)
    parser.add_argument("--learning-rate", type=float)
    parser.add_argument("--steps", type=int)
    parser.add_argument("--prompts", type=int)
    parser.add_argument("--temperature", type=float)
    args = parser.parse_args()
    warnings.simplefilter("ignore")
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from mindspeed_rl_ext.integrations.packed_prompts import packed_prompts
    from mindspeed_rl_ext.integrations.trl import reward_functions
    from mindspeed_rl_ext.preprocess.packed import read_packed
    from mindspeed_rl_ext.recipes.device import use_one_thread

    use_one_thread()
    from dataclasses import replace

    settings = RUNS[args.name]
    if args.learning_rate:
        settings = replace(settings, learning_rate=args.learning_rate)
    if args.temperature:
        settings = replace(settings, temperature=args.temperature)
    if args.steps:
        settings = replace(settings, steps=args.steps)
    folder = args.output / args.name
    tokenizer = AutoTokenizer.from_pretrained(args.quickstart / "hf")
    model = AutoModelForCausalLM.from_pretrained(args.quickstart / "hf")
    rows = packed_prompts(read_packed(args.quickstart / "packed" / "train"), tokenizer)
    rows = rows[: args.prompts or NUM_PROMPTS.get(args.name)]
    every = folder / "all_rollouts.jsonl"
    writer = RolloutWriter(every, VERIFIERS, ROLLOUTS_EVERY_STEPS)
    funcs = reward_functions(list(VERIFIERS), on_verdicts=writer)
    train_grpo(model, tokenizer, rows, funcs, list(VERIFIERS.values()), settings, folder)
    kept: dict[int, list[dict[str, object]]] = {}
    for _, row in read_jsonl(every):
        kept.setdefault(row["step"], []).append(row)
    few = (row for step in kept.values() for row in step[:ROLLOUTS_KEPT_A_STEP])
    write_jsonl(folder / "rollouts.jsonl", few)
    every.unlink()


if __name__ == "__main__":
    main()
