"""What merging an adapter on the way costs: time and peak of anonymous memory, against none.

    python benchmarks/checkpoint_merge.py [--size 1.5B] [--ranks 16,64] [--runs 3] [--dir DIR]

HuggingFace to Megatron on TP2 PP2; adapters of PEFT of all linear layers in bfloat16. Runs are
interleaved, medians are printed; files are warm in the page cache.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import tempfile
from pathlib import Path

import numpy as np
from benchmarks_models import SIZES, write_random_model
from checkpoint_memory import peak

from mindspeed_rl_ext.checkpoint.dtypes import by_name
from mindspeed_rl_ext.checkpoint.formats.huggingface.safetensors_file import header_bytes
from mindspeed_rl_ext.checkpoint.mapping.model import read_model

MODULES = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")


def write_adapter(folder: Path, model: Path, rank: int, rng: np.random.Generator) -> None:
    """Writes an adapter of all linear layers."""
    folder.mkdir()
    shapes = {}
    for name, shape in read_model(model).shapes().items():
        module = name.removesuffix(".weight")
        if name.endswith(".weight") and module.endswith(MODULES):
            for end, size in (("lora_A", (rank, shape[1])), ("lora_B", (shape[0], rank))):
                shapes[f"base_model.model.{module}.{end}.weight"] = size
    dtype = by_name("bfloat16")
    with (folder / "adapter_model.safetensors").open("wb") as file:
        file.write(header_bytes([(name, dtype, shape) for name, shape in shapes.items()]))
        for shape in shapes.values():
            values = rng.standard_normal(shape, dtype="<f4") * 0.02
            file.write((values.view("<u4") >> 16).astype("<u2").tobytes())
    config = {"peft_type": "LORA", "r": rank, "lora_alpha": 2 * rank, "bias": "none"}
    (folder / "adapter_config.json").write_text(json.dumps(config))


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", default="1.5B", choices=SIZES)
    parser.add_argument("--ranks", default="16,64")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--workers", default="0")
    parser.add_argument("--dir", type=Path)
    args = parser.parse_args()
    ranks = [0, *map(int, args.ranks.split(","))]
    rng = np.random.default_rng(0)
    found: dict[int, list[tuple[int, float]]] = {rank: [] for rank in ranks}
    with tempfile.TemporaryDirectory(dir=args.dir) as name:
        folder = Path(name)
        nbytes = write_random_model(folder / "hf", args.size, rng)
        for rank in ranks[1:]:
            write_adapter(folder / f"lora{rank}", folder / "hf", rank, rng)
        words = ["--load-dir", str(folder / "hf"), "--save-model-type", "mg", "--save-dir"]
        words += [str(folder / "out"), "--target-tensor-parallel-size", "2"]
        words += ["--target-pipeline-parallel-size", "2", "--workers", args.workers]
        for _ in range(args.runs):
            for rank in ranks:
                more = ["--lora-load", str(folder / f"lora{rank}")] if rank else []
                found[rank].append(peak([*words, *more]))
                shutil.rmtree(folder / "out")
    print("| adapter | GB | s | peak RssAnon MB |\n|---|---|---|---|")
    for rank, runs in found.items():
        memory, seconds = (statistics.median(column) for column in zip(*runs, strict=True))
        label = f"rank {rank}" if rank else "none"
        print(f"| {label} | {nbytes / 1e9:.1f} | {seconds:.2f} | {memory / 1e6:.0f} |")


if __name__ == "__main__":
    main()
