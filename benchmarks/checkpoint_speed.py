"""Wall time of a conversion against `cp` and `sync` of the bytes that it writes.

    python benchmarks/checkpoint_speed.py [--size 1.5B] [--pairs 7] [--workers N] [--dir DIR]

Each pair runs the conversion (its own `fsync` included, then `sync`) and `cp` of the same output
files (then `sync`), in turns that start with the one or the other, all sources cached; medians and
their ratio. On a busy machine compare CPU seconds too.
"""

from __future__ import annotations

import argparse
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from benchmarks_models import write_random_model

RUN = "import sys; from mindspeed_rl_ext.cli._dispatch import main; sys.exit(main(sys.argv[1:]))"


# What is read, what is written, sizes of tensor and pipeline parallelism; in the order in which
# one writes what a later one reads.
DIRECTIONS = (("hf", "mg", 2, 2), ("mg", "hf", 1, 1), ("mg", "mg", 1, 4))


def convert(source: Path, out: Path, to: str, tp: int, pp: int, workers: int) -> None:
    """Runs a conversion in a process of its own."""
    words = ["--save-model-type", to]
    if to == "mg":
        sizes = {"tensor": tp, "pipeline": pp}
        words += [
            word
            for axis, size in sizes.items()
            for word in (f"--target-{axis}-parallel-size", str(size))
        ]
    words += ["--load-dir", str(source), "--save-dir", str(out), "--workers", str(workers)]
    subprocess.run([sys.executable, "-c", RUN, "convert", *words], check=True, capture_output=True)


def copy(source: Path, out: Path) -> None:
    """Runs cp."""
    subprocess.run(["cp", "-r", "--reflink=never", source, out], check=True)


def timed(work, *words) -> tuple[float, float]:
    """Wall seconds and CPU seconds of the work and a sync."""
    subprocess.run(["sync"], check=True)
    start, before = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
    work(*words)
    subprocess.run(["sync"], check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return time.monotonic() - start, cpu


def warm(folder: Path) -> None:
    """Reads all files, so that no turn has to wait for the disk's reading."""
    for path in folder.rglob("*"):
        if path.is_file():
            with path.open("rb", buffering=0) as file:
                while file.read(1 << 20):
                    pass


def one_direction(
    folder: Path, load: str, to: str, tp: int, pp: int, pairs: int, workers: int
) -> list[tuple[float, ...]]:
    """Of each pair: our wall and CPU seconds, then those of cp."""
    source, done, twin = folder / load, folder / "done", folder / "twin"
    convert(source, folder / "written", to, tp, pp, workers)
    rows = []
    for number in range(pairs):
        found = {}
        turns = [("ours", convert, (source, done, to, tp, pp, workers)),
                 ("cp", copy, (folder / "written", twin))]  # fmt: skip
        for name, work, words in turns if number % 2 == 0 else turns[::-1]:
            warm(words[0])
            found[name] = timed(work, *words)
            shutil.rmtree(words[1])
        rows.append((*found["ours"], *found["cp"]))
        print(
            "  pair {}: {:.2f} s ({:.2f} s CPU), cp {:.2f} s ({:.2f})".format(
                number + 1, *rows[-1]
            ),
            file=sys.stderr,
        )
    if (folder / to).exists():
        shutil.rmtree(folder / "written")
    else:
        (folder / "written").rename(folder / to)
    return rows


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", default="1.5B")
    parser.add_argument("--pairs", type=int, default=7)
    parser.add_argument("--workers", type=int, default=0)
    parser.add_argument("--dir", type=Path)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=args.dir) as name:
        folder = Path(name)
        write_random_model(folder / "hf", args.size, np.random.default_rng(0))
        print(
            "medians | ours, s | CPU s | cp + sync, s | CPU s | of medians | of pairs\n"
            "---|---|---|---|---|---|---"
        )
        for load, to, tp, pp in DIRECTIONS:
            rows = one_direction(folder, load, to, tp, pp, args.pairs, args.workers)
            ours, our_cpu, theirs, their_cpu = map(statistics.median, zip(*rows, strict=True))
            ratio = statistics.median(row[0] / row[2] for row in rows)
            label = f"{load} -> {to}" + (f" TP{tp} PP{pp}" if to == "mg" else "")
            print(
                f"{args.size} {label} | {ours:.2f} | {our_cpu:.2f} | {theirs:.2f} | "
                f"{their_cpu:.2f} | {ours / theirs:.2f} | {ratio:.2f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
