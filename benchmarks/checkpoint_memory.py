"""Peak of anonymous memory (RssAnon) of a conversion, at several sizes of the model.

    python benchmarks/checkpoint_memory.py [--sizes 0.5B,1.5B,7B] [--workers N] [--dir DIR]

RssAnon of every process of the run is read from /proc 50 times a second; pages of mapped files,
which the kernel can drop at any time, do not count. The wall time is printed beside it.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from benchmarks_models import write_random_model

RUN = "import sys; from mindspeed_rl_ext.cli._dispatch import main; sys.exit(main(sys.argv[1:]))"


def rss_anon(pid: int) -> int:
    """Anonymous memory of a process in bytes; 0 where it is gone."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return next((1024 * int(x.split()[1]) for x in lines if x.startswith("RssAnon")), 0)


def children(pid: int) -> list[int]:
    """Processes that a process started."""
    try:
        return [int(x) for x in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def peak(words: list[str]) -> tuple[int, float]:
    """Largest RssAnon of a process of the run, and the seconds it took."""
    start, most = time.monotonic(), 0
    process = subprocess.Popen(
        [sys.executable, "-c", RUN, "convert", *words],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    while process.poll() is None:
        most = max(most, *map(rss_anon, [process.pid, *children(process.pid)]))
        time.sleep(0.02)
    if process.returncode:
        raise SystemExit(f"conversion failed with exit code {process.returncode}")
    return most, time.monotonic() - start


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", default="0.5B,1.5B,7B")
    parser.add_argument("--workers", default="0")
    parser.add_argument("--dir", type=Path)
    args = parser.parse_args()
    print("| size | GB | direction | peak RssAnon MB | s |\n|---|---|---|---|---|")
    for size in args.sizes.split(","):
        with tempfile.TemporaryDirectory(dir=args.dir) as name:
            folder = Path(name)
            nbytes = write_random_model(folder / "hf", size, np.random.default_rng(0))
            cut = ["--target-tensor-parallel-size", "2", "--target-pipeline-parallel-size", "2"]
            for load, save, more in (("hf", "mg", cut), ("mg", "hf", ["--hf-cfg-dir"])):
                words = ["--load-model-type", load, "--save-model-type", save, *more]
                if load == "mg":
                    words.append(str(folder / "cfg"))
                words += ["--load-dir", str(folder / load), "--save-dir", str(folder / "out")]
                most, seconds = peak([*words, "--workers", args.workers])
                print(
                    f"| {size} | {nbytes / 1e9:.1f} | {load} -> {save} | {most / 1e6:.0f} | "
                    f"{seconds:.1f} |",
                    flush=True,
                )
                if save == "mg":
                    (folder / "cfg").mkdir()
                    shutil.copy(folder / "hf/config.json", folder / "cfg")
                    shutil.rmtree(folder / "hf")
                    (folder / "out").rename(folder / "mg")


if __name__ == "__main__":
    main()
