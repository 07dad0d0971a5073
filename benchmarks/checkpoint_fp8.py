"""Block FP8 dequantised on the way: DeepSeek-R1's widths with fewer layers and experts.

    python benchmarks/checkpoint_fp8.py [--rounds 5] [--experts 8] [--layers 3] [--grouped]

Each round converts hf -> mg (bf16, TP 2, EP 2) and runs `cp` of the same output, each with a
`sync`, in turns, the sources cached. Medians: seconds, CPU seconds, and the ratio to cp. With
`--grouped` experts are transposed as well. With `--whole` the model goes on from mg to torch_dist
and to hf, verified at each step.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from math import prod
from pathlib import Path

import numpy as np
from checkpoint_memory import RUN
from checkpoint_plan import CONFIG
from checkpoint_speed import copy, warm

from mindspeed_rl_ext.checkpoint.dtypes import DType, by_name
from mindspeed_rl_ext.checkpoint.formats.huggingface.safetensors_file import header_bytes
from mindspeed_rl_ext.checkpoint.mapping.model import read_model

_PLAIN = ("embed_tokens", "lm_head", "shared_head", "mlp.gate.", "eh_proj", "norm")
Row = tuple[str, DType, tuple[int, ...]]


def write_model(folder: Path, layers: int, experts: int, vocab: int) -> None:
    """Writes a model in block FP8 as DeepSeek publishes it."""
    folder.mkdir()
    smaller = {"num_hidden_layers": layers, "n_routed_experts": experts, "vocab_size": vocab}
    config = {**CONFIG, **smaller, "first_k_dense_replace": 1}
    (folder / "config.json").write_text(json.dumps(config))
    rows: list[Row] = []
    for name, shape in read_model(folder, mtp=1).shapes().items():
        if "e_score_correction_bias" in name:
            rows.append((name, by_name("float32"), shape))
        elif len(shape) == 1 or any(part in name for part in _PLAIN):
            rows.append((name, by_name("bfloat16"), shape))
        else:
            blocks = tuple(-(-size // 128) for size in shape)
            rows.append((name, by_name("float8_e4m3fn"), shape))
            rows.append((f"{name}_scale_inv", by_name("float32"), blocks))
    rng = np.random.default_rng(0)
    # Values repeat after this many; no NaN is among them.
    noise = rng.integers(0, 256, (1 << 24) - 3, np.uint8) & 0xBF
    with (folder / "model.safetensors").open("wb") as file:
        file.write(header_bytes(rows))
        for _, dtype, shape in rows:
            file.write(_values(rng, noise, dtype, prod(shape)))


def _values(rng: np.random.Generator, noise: np.ndarray, dtype: DType, count: int) -> bytes:
    if dtype.name == "float32":
        return (rng.random(count, "<f4") * 3e-3 + 1e-4).astype("<f4").tobytes()
    if dtype.name == "bfloat16":
        return np.full(count, 0x3C21, "<u2").tobytes()
    repeats = -(-count // noise.size)
    return np.tile(noise, repeats)[:count].tobytes()


def run(*words: object) -> None:
    """Runs a command of ours."""
    command = [sys.executable, "-c", RUN, *map(str, words)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(done.stderr[-3000:])


def timed(work: Callable[[], object]) -> tuple[float, float]:
    """Seconds of the work and a sync, and CPU seconds of it and what it started."""
    before, start = os.times(), time.monotonic()
    work()
    os.sync()
    wall, after = time.monotonic() - start, os.times()
    used = sum(after[:4]) - sum(before[:4])
    return wall, used


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dir", type=Path)
    for name, default in (("rounds", 5), ("layers", 3), ("experts", 8), ("vocab", 16384)):
        parser.add_argument(f"--{name}", type=int, default=default)
    for name in ("grouped", "whole"):
        parser.add_argument(f"--{name}", action="store_true")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=args.dir) as name:
        folder = Path(name)
        hf, mg, out = folder / "hf", folder / "mg", folder / "out"
        write_model(hf, args.layers, args.experts, args.vocab)
        target = ("--target", "mindspeed-llm-26.1")
        to_mg = ["convert", "--load-dir", hf, "--save-model-type", "mg", "--mtp-num-layers", 1]
        to_mg += [*target, "--target-tensor-parallel-size", 2, "--target-expert-parallel-size", 2]
        to_mg += ["--moe-grouped-gemm"] * args.grouped
        run(*to_mg, "--save-dir", mg)
        written = sum(path.stat().st_size for path in mg.rglob("*") if path.is_file())
        rows = []
        for number in range(args.rounds):
            row: dict[str, tuple[float, float]] = {}
            for what in ("ours", "cp") if number % 2 else ("cp", "ours"):
                warm(hf if what == "ours" else mg)
                if what == "ours":
                    row[what] = timed(lambda: run(*to_mg, "--save-dir", out))
                else:
                    row[what] = timed(lambda: copy(mg, out))
                shutil.rmtree(out)
            rows.append(row)
        ours, cp = (
            [statistics.median(row[w][i] for row in rows) for i in (0, 1)] for w in ("ours", "cp")
        )
        ratio = statistics.median(row["ours"][0] / row["cp"][0] for row in rows)
        print(
            f"{written / 1e9:.2f} GB written, load {os.getloadavg()[0]:.1f}\n"
            f"ours {ours[0]:.2f} s, {ours[1]:.2f} CPU s, {written / 1e9 / ours[1]:.2f} GB per "
            f"CPU s; cp and sync {cp[0]:.2f} s, {cp[1]:.2f} CPU s; {ratio:.2f} x cp"
        )
        if args.whole:
            dist = folder / "dist"
            to_dist = ["convert", "--load-dir", mg, "--save-model-type", "torch_dist", *target]
            run(*to_dist, "--save-dir", dist, "--verify")
            run("convert", "--load-dir", dist, "--save-model-type", "hf", "--save-dir", out)
            for made in (mg, dist, out):
                run("verify", hf, made)
            print("hf -> mg -> torch_dist -> hf: each verified against the published tensors")


if __name__ == "__main__":
    main()
