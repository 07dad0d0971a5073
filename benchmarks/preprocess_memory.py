"""Peak memory of `msrl-ext preprocess` on a long file made by repetition: PSS of all processes.

PSS (from /proc) counts a page that two processes share half for each, so the sum is what the run
takes. The files are made, measured and removed; asserts nothing.

    python benchmarks/preprocess_memory.py --input train.jsonl --tokenizer DIR --rows 1000000
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
MAP_KEYS = '{"prompt":"question","query":"","response":"answer"}'
EVERY_S = 0.2


def pss_mb(pid: int) -> float:
    """The PSS of a process and its descendants, in MB; 0 where it has ended."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except (FileNotFoundError, ProcessLookupError):
        return 0.0
    own = next((int(line.split()[1]) for line in lines if line.startswith("Pss:")), 0)
    return own * 1024 / 1e6 + sum(pss_mb(int(child)) for child in children)


def repeat(source: Path, target: Path, rows: int) -> None:
    """Writes `rows` lines: those of the source, again and again."""
    lines = source.read_bytes().splitlines(keepends=True)
    with target.open("wb") as file:
        for start in range(0, rows, len(lines)):
            file.writelines(lines[: rows - start])


def main() -> None:
    """Prints one row."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--input", type=Path, required=True)
    parser.add_argument("--tokenizer", required=True)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--workers", default="2")
    parser.add_argument("more", nargs="*", help="further flags of msrl-ext preprocess, after --")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder, "rows.jsonl")
        repeat(args.input, data, args.rows)
        begin, peak = time.perf_counter(), 0.0
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", "mindspeed_rl_ext.cli", "preprocess"),
                *("--input", str(data), "--tokenizer-name-or-path", args.tokenizer),
                *("--output-prefix", str(Path(folder, "out")), "--map-keys", MAP_KEYS),
                *("--prompt-type", "qwen_math_r1", "--workers", args.workers, *args.more),
            ],
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        while process.poll() is None:
            peak = max(peak, pss_mb(process.pid))
            time.sleep(EVERY_S)
        seconds = time.perf_counter() - begin
    print(f"{'rows':>10}{'wall s':>9}{'rows/s':>9}{'peak PSS MB':>14}{'exit':>6}")
    rate = args.rows / seconds
    print(f"{args.rows:>10}{seconds:>9.1f}{rate:>9.0f}{peak:>14.0f}{process.returncode:>6}")


if __name__ == "__main__":
    main()
