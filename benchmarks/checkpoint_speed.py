"""Wall time of a conversion against `cp` and `sync` of the bytes that it writes.

    python benchmarks/checkpoint_speed.py [--size 1.5B] [--pairs 7] [--workers 1] [--dir DIR]

Each pair runs the conversion (its own `fsync` included, then `sync`) and `cp` of the same output
files (then `sync`), in turns that start with the one or the other; medians and their ratio.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from benchmarks_models import write_random_model

RUN = "import sys; from mindspeed_rl_ext.cli import main; sys.exit(main(sys.argv[1:]))"


def convert(source: Path, out: Path, to: str, workers: int) -> None:
    """Runs a conversion in a process of its own."""
    kinds = ("hf", "mg") if to == "mg" else ("mg", "hf")
    words = ["--load-model-type", kinds[0], "--save-model-type", kinds[1]]
    if to == "mg":
        words += ["--target-tensor-parallel-size", "2", "--target-pipeline-parallel-size", "2"]
    words += ["--load-dir", str(source), "--save-dir", str(out), "--workers", str(workers)]
    subprocess.run([sys.executable, "-c", RUN, "convert", *words], check=True, capture_output=True)


def copy(source: Path, out: Path) -> None:
    """Runs cp."""
    subprocess.run(["cp", "-r", "--reflink=never", source, out], check=True)


def timed(work, *words) -> float:
    """Wall seconds of the work and a sync."""
    subprocess.run(["sync"], check=True)
    start = time.monotonic()
    work(*words)
    subprocess.run(["sync"], check=True)
    return time.monotonic() - start


def one_direction(folder: Path, to: str, pairs: int, workers: int) -> tuple[float, float, list]:
    """Median seconds of both, and the ratio of each pair."""
    source = folder / ("hf" if to == "mg" else "mg")
    done, twin = folder / "done", folder / "twin"
    ours, theirs = [], []
    convert(source, folder / "written", to, workers)
    for number in range(pairs):
        turns = [(ours, convert, (source, done, to, workers)),
                 (theirs, copy, (folder / "written", twin))]  # fmt: skip
        for times, work, words in turns if number % 2 == 0 else turns[::-1]:
            times.append(timed(work, *words))
            shutil.rmtree(words[1])
        print(f"  pair {number + 1}: {ours[-1]:.2f} s, cp {theirs[-1]:.2f} s", file=sys.stderr)
    if to == "mg":
        (folder / "written").rename(folder / "mg")
    else:
        shutil.rmtree(folder / "written")
    ratios = [a / b for a, b in zip(ours, theirs, strict=True)]
    return statistics.median(ours), statistics.median(theirs), ratios


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", default="1.5B")
    parser.add_argument("--pairs", type=int, default=7)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--dir", type=Path)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=args.dir) as name:
        folder = Path(name)
        write_random_model(folder / "hf", args.size, np.random.default_rng(0))
        print("| direction | ours, median s | cp + sync, median s | of medians | of pairs, median |"
              "\n|---|---|---|---|---|")  # fmt: skip
        for to in ("mg", "hf"):
            ours, theirs, ratios = one_direction(folder, to, args.pairs, args.workers)
            label = "hf -> mg TP2 PP2" if to == "mg" else "mg -> hf"
            print(
                f"| {args.size} {label}, {args.workers} workers | {ours:.2f} | {theirs:.2f} | "
                f"{ours / theirs:.2f} | {statistics.median(ratios):.2f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
