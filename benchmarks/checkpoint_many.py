"""CPU seconds of planning and converting many small tensors: the names of Qwen3-30B-A3B.

    python benchmarks/checkpoint_many.py [--dir DIR] [--rounds 5] [--tp 1] [--pp 1] [--ep 1]

48 layers of 128 experts are 18,867 tensors, here of a few kilobytes, so that what a tensor costs is
all that counts. Each run is a process of its own; medians.
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
from math import prod
from pathlib import Path

from checkpoint_memory import RUN

from mindspeed_rl_ext.checkpoint.dtypes import by_name
from mindspeed_rl_ext.checkpoint.formats.huggingface.safetensors_file import header_bytes
from mindspeed_rl_ext.checkpoint.mapping.model import read_model

CONFIG = {
    "model_type": "qwen3_moe", "num_hidden_layers": 48, "hidden_size": 64,
    "num_attention_heads": 8, "num_key_value_heads": 4, "head_dim": 16, "intermediate_size": 192,
    "moe_intermediate_size": 24, "num_experts": 128, "num_experts_per_tok": 8,
    "decoder_sparse_step": 1, "mlp_only_layers": [], "vocab_size": 512,
    "max_position_embeddings": 4096, "rms_norm_eps": 1e-6, "rope_theta": 1e6,
    "tie_word_embeddings": False, "torch_dtype": "bfloat16",
}  # fmt: skip


def write_model(folder: Path, shards: int = 16) -> int:
    """Writes the model in that many files; returns the number of its tensors."""
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(CONFIG))
    bf16 = by_name("bfloat16")
    rows = [(name, bf16, shape) for name, shape in read_model(folder).shapes().items()]
    each, index = -(-len(rows) // shards), {}
    for number in range(shards):
        held = rows[number * each : (number + 1) * each]
        name = f"model-{number + 1:05d}-of-{shards:05d}.safetensors"
        values = os.urandom(2 * sum(prod(shape) for _, _, shape in held))
        # No exponent is full, so that no value is NaN.
        values = bytes(byte & 0x3F for byte in values)
        (folder / name).write_bytes(header_bytes(held) + values)
        index |= dict.fromkeys((key for key, _, _ in held), name)
    text = json.dumps({"metadata": {}, "weight_map": index})
    (folder / "model.safetensors.index.json").write_text(text)
    return len(rows)


def run(words: list[str]) -> tuple[float, float]:
    """Wall and CPU seconds of one command."""
    before, start = os.times(), time.monotonic()
    subprocess.run([sys.executable, "-c", RUN, *words], check=True, capture_output=True)
    wall, after = time.monotonic() - start, os.times()
    used = after.children_user - before.children_user
    return wall, used + after.children_system - before.children_system


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dir", type=Path)
    parser.add_argument("--rounds", type=int, default=5)
    for size in ("tp", "pp", "ep"):
        parser.add_argument(f"--{size}", default="1")
    args = parser.parse_args()
    names = {"tp": "tensor", "pp": "pipeline", "ep": "expert"}
    flags = [
        word
        for size, name in names.items()
        for word in (f"--target-{name}-parallel-size", getattr(args, size))
    ]
    with tempfile.TemporaryDirectory(dir=args.dir) as name:
        folder = Path(name)
        count = write_model(folder / "hf")
        to_mg = ["--load-dir", f"{folder}/hf", "--save-model-type", "mg", *flags]
        turns = {
            "plan hf -> mg": [*to_mg, "--dry-run"],
            "hf -> mg": to_mg,
            "hf -> mg --moe-grouped-gemm": [*to_mg, "--moe-grouped-gemm"],
            "hf -> torch_dist": [
                *("--load-dir", f"{folder}/hf", "--save-model-type", "torch_dist"), *flags
            ],
        }  # fmt: skip
        run(["convert", *to_mg, "--save-dir", f"{folder}/mg"])
        to_dist = turns["hf -> torch_dist"]
        run(["convert", *to_dist, "--save-dir", f"{folder}/torch_dist"])
        for kind in ("mg", "torch_dist"):
            turns[f"{kind} -> hf"] = ["--load-dir", f"{folder}/{kind}", "--save-model-type", "hf"]
        rows: dict[str, list[tuple[float, float]]] = {name: [] for name in turns}
        for _ in range(args.rounds):
            for name, words in turns.items():
                rows[name].append(run(["convert", *words, "--save-dir", f"{folder}/out"]))
                shutil.rmtree(folder / "out", ignore_errors=True)
        print(f"{count} tensors, load {os.getloadavg()[0]:.1f} | wall, s | CPU, s\n---|---|---")
        for name, found in rows.items():
            wall, cpu = (statistics.median(column) for column in zip(*found, strict=True))
            print(f"{name} | {wall:.2f} | {cpu:.2f}")


if __name__ == "__main__":
    main()
