"""Random models of real sizes, written as safetensors in constant memory; for the benchmarks."""

from __future__ import annotations

import json
from math import prod
from pathlib import Path

import numpy as np

from mindspeed_rl_ext.checkpoint.dtypes import by_name
from mindspeed_rl_ext.checkpoint.formats.huggingface.safetensors_file import header_bytes
from mindspeed_rl_ext.checkpoint.mapping.expected import expected_hf
from mindspeed_rl_ext.checkpoint.mapping.sizes import sizes_of_config
from mindspeed_rl_ext.checkpoint.models import model_of_config

# Published sizes of Qwen2.5: layers, hidden, heads, groups, ffn, vocabulary, tied.
SIZES = {
    "kills": (8, 512, 8, 4, 1536, 20000, False),
    "0.5B": (24, 896, 14, 2, 4864, 151936, True),
    "1.5B": (28, 1536, 12, 2, 8960, 151936, True),
    "7B": (28, 3584, 28, 4, 18944, 152064, False),
}
_SHARD_BYTES = 4_000_000_000
_BF16 = by_name("bfloat16")


def config_of(size: str) -> dict[str, object]:
    """config.json of that size."""
    layers, hidden, heads, groups, ffn, vocab, tied = SIZES[size]
    return {
        "architectures": ["Qwen2ForCausalLM"],
        "model_type": "qwen2",
        "num_hidden_layers": layers,
        "hidden_size": hidden,
        "num_attention_heads": heads,
        "num_key_value_heads": groups,
        "intermediate_size": ffn,
        "vocab_size": vocab,
        "tie_word_embeddings": tied,
        "max_position_embeddings": 32768,
        "rms_norm_eps": 1e-6,
        "rope_theta": 1000000.0,
        "torch_dtype": "bfloat16",
    }


def write_random_model(folder: Path, size: str, rng: np.random.Generator) -> int:
    """Writes the model; returns the bytes of its weights."""
    folder.mkdir(parents=True)
    config = config_of(size)
    (folder / "config.json").write_text(json.dumps(config, indent=1))
    spec = model_of_config(config)
    shapes = expected_hf(spec, sizes_of_config(spec, config))
    # Values repeat after this many; nobody looks at them one by one.
    pool = (rng.standard_normal(1 << 24, dtype="<f4") * 0.02).view("<u4") >> 16
    noise = pool.astype("<u2").tobytes()
    groups: list[list[str]] = [[]]
    filled = 0
    for name, shape in shapes.items():
        nbytes = 2 * prod(shape)
        if filled + nbytes > _SHARD_BYTES and groups[-1]:
            groups.append([])
            filled = 0
        groups[-1].append(name)
        filled += nbytes
    index: dict[str, str] = {}
    for number, names in enumerate(groups, 1):
        file_name = f"model-{number:05d}-of-{len(groups):05d}.safetensors"
        with (folder / file_name).open("wb") as file:
            file.write(header_bytes([(name, _BF16, shapes[name]) for name in names]))
            for name in names:
                left = 2 * prod(shapes[name])
                at = 2 * int(rng.integers(0, 1 << 23))
                while left:
                    part = noise[at : at + min(left, len(noise) - at)]
                    file.write(part)
                    left -= len(part)
                    at = 0
        index |= dict.fromkeys(names, file_name)
    text = json.dumps({"metadata": {}, "weight_map": index})
    (folder / "model.safetensors.index.json").write_text(text)
    return sum(2 * prod(shape) for shape in shapes.values())
