"""How long `msrl-ext doctor` takes over static files: the whole command, Python's start too.

The files are the shipped ones and a config.json and manifest.json made on the spot; each case is
run `--rounds` times, interleaved. Prints medians; asserts nothing.

    python benchmarks/doctor_speed.py
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
CONFIGS = ROOT / "configs"
RUN = ("--config", str(CONFIGS / "msrl" / "grpo_qwen25_7b.yaml"))
CASES: dict[str, tuple[str, ...]] = {
    "environment only": (),
    "run": RUN,
    "run, config.json, manifest": (*RUN, "--model", "{hf}", "--checkpoint", "{ckpt}"),
    "the same, script, runtime_env": (
        *(*RUN, "--model", "{hf}", "--checkpoint", "{ckpt}"),
        *("--launch", str(CONFIGS / "msrl" / "launch_multi_node.sh")),
        *("--runtime-env", str(CONFIGS / "envs" / "runtime_env.yaml")),
    ),
    "run and data set": (*RUN, "--config", str(CONFIGS / "datasets" / "math_17k.yaml")),
    "TRL and accelerate": (
        *("--trl", str(CONFIGS / "trl" / "countdown_3b.yaml")),
        *("--accelerate", str(CONFIGS / "accelerate" / "zero3.yaml")),
    ),
}


def make_files(folder: Path) -> dict[str, str]:
    """A config.json, and a checkpoint with a manifest of 339 tensors."""
    hf, ckpt = folder / "hf", folder / "ckpt"
    hf.mkdir()
    (hf / "config.json").write_text(json.dumps({"num_hidden_layers": 28, "rope_theta": 1e6}))
    for rank in ("00_000", "00_001", "01_000", "01_001"):
        (ckpt / "iter_0000001" / f"mp_rank_{rank}").mkdir(parents=True)
    tensors = [{"name": f"layers.{n}.weight", "shape": [3584, 3584]} for n in range(339)]
    layout = {"tp": 2, "pp": 2, "ep": 1}
    manifest = {"kind": "mg", "layout": layout, "sha256": {}, "tensors": tensors}
    (ckpt / "manifest.json").write_text(json.dumps(manifest))
    return {"hf": str(hf), "ckpt": str(ckpt)}


def seconds(words: tuple[str, ...], named: dict[str, str]) -> float:
    """One run of the command."""
    command = [sys.executable, "-m", "mindspeed_rl_ext.cli", "doctor", "--json"]
    start = time.perf_counter()
    done = subprocess.run(
        [*command, *(word.format(**named) for word in words)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.DEVNULL,
        check=False,
    )
    if done.returncode not in (0, 1):
        sys.exit(f"doctor failed with {done.returncode}")
    return time.perf_counter() - start


def main() -> None:
    """Prints one row a case."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=9)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as folder:
        named = make_files(Path(folder))
        taken: dict[str, list[float]] = {name: [] for name in CASES}
        for _ in range(rounds):
            for name, words in CASES.items():
                taken[name].append(seconds(words, named))
    print(f"load {os.getloadavg()[0]:.1f}, {rounds} rounds; limit of the static checks 1.5 s\n")
    for name, values in taken.items():
        print(f"{name:<32} {statistics.median(values):.2f} s (worst {max(values):.2f})")


if __name__ == "__main__":
    main()
