"""How long `msrl-ext report` takes on a log of 100,000 lines, in seconds; asserts nothing.

Writes logs with the names of MindSpeed-RL (36 numbers a line) as metrics.jsonl and as a console
log, and runs the whole command in a process of its own, Python's start included.

Run from a checkout:
    python benchmarks/report_speed.py
"""

from __future__ import annotations

import argparse
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TIMES = ["all", "update", "rollout", "old_log_p", "reference_model", "resharding_to_train",
         "resharding_to_infer", "adv", "non_overlap_reference_model",
         "non_overlap_rule_reward", "rule_reward"]  # fmt: skip
NAMES = [
    *(f"timing/{name}" for name in TIMES),
    *("actor/entropy", "actor/kl_loss", "actor/pg_loss", "actor/pg_clipfrac", "actor/ppo_kl"),
    *("grad_norm", "actor/lr", "base_acc_rewards/mean", "format_rewards/mean"),
    *(f"response_length/{kind}" for kind in ("mean", "max", "min")),
    *(f"prompt_length/{kind}" for kind in ("mean", "max", "min")),
    *(f"grpo/{what}/{kind}" for what in ("score", "rewards") for kind in ("mean", "max", "min")),
    *("global_batch_size", "n_samples_per_prompt", "world_size"),
    *("e2e_tps", "update_tps", "vllm_tps"),
]


def write_logs(folder: Path, lines: int) -> dict[str, Path]:
    """Writes both logs and returns their paths by kind."""
    rng = random.Random(0)
    kinds = {"metrics.jsonl": folder / "metrics.jsonl", "console log": folder / "train.log"}
    with kinds["metrics.jsonl"].open("w") as ours, kinds["console log"].open("w") as theirs:
        for step in range(1, lines + 1):
            row = {name: round(rng.random(), 4) for name in NAMES}
            ours.write(json.dumps({"step": step, **row}) + "\n")
            numbers = " | ".join(f"{name} : {value:.4f}" for name, value in row.items())
            time_of = "2025-06-01 10:00:00"
            theirs.write(
                f"{time_of} - INFO - [{time_of}] iteration: {step} / {lines} | {numbers} \n"
            )
    return kinds


def main() -> None:
    """Prints one row for each kind of log."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lines", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    print(f"{'log':<14} {'lines':>8} {'MB':>7} {'wall s':>8} {'CPU s':>8}   page kB")
    with tempfile.TemporaryDirectory() as folder:
        for kind, log in write_logs(Path(folder), args.lines).items():
            walls, cpus = [], []
            out = Path(folder) / "out"
            command = [
                sys.executable,
                "-m",
                "mindspeed_rl_ext.cli",
                "report",
                str(log),
                "-o",
                str(out),
            ]
            for _ in range(args.rounds):
                start_s, before = time.perf_counter(), os.times()
                subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL)
                after = os.times()
                walls.append(time.perf_counter() - start_s)
                used = after.children_user - before.children_user
                cpus.append(used + after.children_system - before.children_system)
            size_mb, page_kb = log.stat().st_size / 1e6, (out / "report.html").stat().st_size / 1e3
            wall_s, cpu_s = statistics.median(walls), statistics.median(cpus)
            row = f"{kind:<14} {args.lines:>8} {size_mb:>7.1f} {wall_s:>8.2f} {cpu_s:>8.2f}"
            print(f"{row} {page_kb:>9.0f}")


if __name__ == "__main__":
    main()
