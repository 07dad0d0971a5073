"""What the installed package adds to every start of Python, in milliseconds.

Makes environments without the package, with a wheel and with an editable install, and starts each
`--pairs` times, interleaved, so that a busy moment of the machine hits all alike. The difference
is the median of the differences within a round. Asserts nothing.

Run from a checkout, with a Python that has pip, setuptools and wheel:
    python benchmarks/startup.py
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import sysconfig
import tempfile
import time
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
INSTALL: dict[str, tuple[str, ...] | None] = {
    "without": None,
    "wheel": (str(ROOT),),
    "editable": ("-e", str(ROOT)),
}
FLAGS: dict[str, tuple[str, ...]] = {"python -c pass": (), "python -I -c pass": ("-I",)}


def make_environment(home: Path, words: tuple[str, ...] | None) -> Path:
    """Makes an environment, installs into it, and returns its Python."""
    venv.create(home, symlinks=True)
    python = home / "bin" / "python"
    if words is not None:
        pip = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet"]
        subprocess.run(
            [*pip, "--no-deps", "--no-build-isolation", *words],
            env={**os.environ, "PYTHONPATH": sysconfig.get_path("purelib")},
            check=True,
        )
    return python


def start_ms(python: Path, flags: tuple[str, ...]) -> float:
    """Wall time of one start, in milliseconds."""
    plain = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "MSRL"))}
    begin = time.perf_counter()
    subprocess.run([python, *flags, "-c", "pass"], env=plain, check=True)
    return 1000 * (time.perf_counter() - begin)


def main() -> None:
    """Prints one row for each way to install and to start."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=50)
    pairs = parser.parse_args().pairs
    with tempfile.TemporaryDirectory() as folder:
        pythons = {n: make_environment(Path(folder, n), words) for n, words in INSTALL.items()}
        print(f"Python {sys.version.split()[0]}, median of {pairs} interleaved pairs, ms")
        print(f"{'start':<20}{'install':<10}{'median':>8}{'added':>8}{'quartiles of added':>22}")
        for label, flags in FLAGS.items():
            times: dict[str, list[float]] = {name: [] for name in pythons}
            for turn in range(-3, pairs):  # the first three warm the page cache
                for name, python in pythons.items():
                    taken = start_ms(python, flags)
                    if turn >= 0:
                        times[name].append(taken)
            for name, values in times.items():
                added = [a - b for a, b in zip(values, times["without"], strict=True)]
                low, middle, high = statistics.quantiles(added, n=4)
                spread = f"{low:.2f} to {high:.2f}"
                row = f"{label:<20}{name:<10}{statistics.median(values):>8.2f}"
                print(f"{row}{middle:>8.2f}{spread:>22}")


if __name__ == "__main__":
    main()
