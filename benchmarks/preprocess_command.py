"""Seconds of the whole command `msrl-ext preprocess`, from the shell to the files.

Each round runs the command once with each tokenizer directory, and `import transformers` alone for
scale, interleaved. Medians are printed; asserts nothing.

    python benchmarks/preprocess_command.py --input train.jsonl --tokenizer DIR [DIR ...]
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
MAP_KEYS = '{"prompt":"question","query":"","response":"answer"}'


def seconds(words: list[str]) -> tuple[float, float]:
    """Wall and CPU seconds of one process."""
    paths = f"{ROOT}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"
    wall, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(
        [sys.executable, *words],
        env={**os.environ, "PYTHONPATH": paths},
        check=True,
        capture_output=True,
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return time.perf_counter() - wall, cpu


def main() -> None:
    """Prints one row for each tokenizer directory."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--input", required=True)
    parser.add_argument("--tokenizer", required=True, nargs="+")
    parser.add_argument("--workers", default="2")
    parser.add_argument("--rounds", type=int, default=7)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        commands = {"import transformers": ["-c", "import transformers.models.auto"]}
        for tokenizer in args.tokenizer:
            kind = "tokenizer.json" if Path(tokenizer, "tokenizer.json").is_file() else "vocab"
            commands[f"preprocess, {kind} ({Path(tokenizer).name})"] = [
                *("-m", "mindspeed_rl_ext.cli", "preprocess", "--input", args.input),
                *("--tokenizer-name-or-path", tokenizer, "--overwrite"),
                *("--output-prefix", str(Path(folder, "data")), "--map-keys", MAP_KEYS),
                *("--prompt-type", "qwen_math_r1", "--workers", args.workers),
            ]
        taken: dict[str, list[tuple[float, float]]] = {name: [] for name in commands}
        for turn in range(args.rounds + 1):  # the first warms the page cache
            for name, words in commands.items():
                pair = seconds(words)
                if turn:
                    taken[name].append(pair)
    print(f"{args.rounds} interleaved rounds, {args.workers} workers; medians")
    print(f"{'command':<48}{'wall s':>9}{'fastest':>9}{'CPU s':>9}")
    for name, pairs in taken.items():
        walls = [wall for wall, _ in pairs]
        cpu = statistics.median(cpu for _, cpu in pairs)
        print(f"{name:<48}{statistics.median(walls):>9.2f}{min(walls):>9.2f}{cpu:>9.2f}")


if __name__ == "__main__":
    main()
