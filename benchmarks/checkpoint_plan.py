"""Time and memory of planning DeepSeek-R1 as it is published: 671 billion parameters, 2,048 ranks.

    python benchmarks/checkpoint_plan.py [--dir DIR] [--tp 8] [--pp 8] [--ep 32]

Writes the model's real headers (block FP8, one prediction layer, 163 shards) into sparse files that
take a few megabytes of disk, then runs `msrl-ext convert --dry-run` in a process of its own.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from mindspeed_rl_ext.checkpoint.dtypes import by_name
from mindspeed_rl_ext.checkpoint.formats.huggingface.safetensors_file import header_bytes
from mindspeed_rl_ext.checkpoint.mapping.model import read_model

RUN = "import sys; from mindspeed_rl_ext.cli._dispatch import main; sys.exit(main(sys.argv[1:]))"
CONFIG = {
    "model_type": "deepseek_v3", "num_hidden_layers": 61, "hidden_size": 7168,
    "num_attention_heads": 128, "num_key_value_heads": 128, "intermediate_size": 18432,
    "moe_intermediate_size": 2048, "n_routed_experts": 256, "n_shared_experts": 1,
    "num_experts_per_tok": 8, "n_group": 8, "topk_group": 4, "first_k_dense_replace": 3,
    "moe_layer_freq": 1, "q_lora_rank": 1536, "kv_lora_rank": 512, "qk_nope_head_dim": 128,
    "qk_rope_head_dim": 64, "v_head_dim": 128, "vocab_size": 129280, "num_nextn_predict_layers": 1,
    "rms_norm_eps": 1e-6, "rope_theta": 10000, "routed_scaling_factor": 2.5,
    "scoring_func": "sigmoid", "norm_topk_prob": True, "tie_word_embeddings": False,
    "torch_dtype": "bfloat16", "max_position_embeddings": 163840,
    "quantization_config": {"quant_method": "fp8", "fmt": "e4m3", "weight_block_size": [128, 128]},
}  # fmt: skip
_SHARDS = 163
_PLAIN = ("embed_tokens", "lm_head", "shared_head", "mlp.gate.", "eh_proj", "norm")


def write_headers(folder: Path) -> int:
    """Writes the model's headers and holes in the place of its values; returns the tensors."""
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps(CONFIG))
    rows = []
    for name, shape in read_model(folder, mtp=1).shapes().items():
        if "e_score_correction_bias" in name:
            rows.append((name, by_name("float32"), shape))
        elif len(shape) == 1 or any(part in name for part in _PLAIN):
            rows.append((name, by_name("bfloat16"), shape))
        else:
            blocks = tuple(-(-size // 128) for size in shape)
            rows.append((name, by_name("float8_e4m3fn"), shape))
            rows.append((f"{name}_scale_inv", by_name("float32"), blocks))
    each, weight_map = -(-len(rows) // _SHARDS), {}
    for number in range(_SHARDS):
        held = rows[number * each : (number + 1) * each]
        name = f"model-{number + 1:05d}-of-{_SHARDS:06d}.safetensors"
        head = header_bytes(held)
        with (folder / name).open("wb") as file:
            file.write(head)
            size = sum(d.itemsize * shape[0] * (shape[1:] or (1,))[0] for _, d, shape in held)
            file.truncate(len(head) + size)
        weight_map |= {key: name for key, _, _ in held}
    index = {"metadata": {}, "weight_map": weight_map}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    return len(rows)


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dir", type=Path)
    parser.add_argument("--tp", default="8")
    parser.add_argument("--pp", default="8")
    parser.add_argument("--ep", default="32")
    parser.add_argument("more", nargs="*", help="further flags of convert, behind --")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=args.dir) as name:
        folder = Path(name)
        count = write_headers(folder / "hf")
        # 61 layers and three empty slots divide into eight stages.
        words = [
            "--load-dir",
            folder / "hf",
            "--save-dir",
            folder / "mg",
            "--save-model-type",
            "mg",
        ]
        words += [
            "--target-tensor-parallel-size",
            args.tp,
            "--target-pipeline-parallel-size",
            args.pp,
        ]
        words += ["--target-expert-parallel-size", args.ep, "--noop-layers", "61,62,63"]
        words += [
            "--mtp-num-layers",
            "1",
            "--target",
            "mindspeed-llm-26.1",
            "--dry-run",
            *args.more,
        ]
        start = time.monotonic()
        done = subprocess.run(
            [sys.executable, "-c", RUN, "convert", *map(str, words)],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        wall = time.monotonic() - start
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        sys.exit(done.stderr[-3000:])
    print(f"{count} stored tensors; {done.stdout.splitlines()[0]}\n{done.stdout.splitlines()[-1]}")
    print(
        f"wall {wall:.1f} s, CPU {used.ru_utime + used.ru_stime:.1f} s, "
        f"peak {used.ru_maxrss / 1024:.0f} MB, {len(done.stdout.splitlines())} lines"
    )


if __name__ == "__main__":
    main()
