"""Models made on the spot, and what their shards must be, built without the rules.

The expectation follows the written format (names, shapes, order of rows) with whole-array numpy
operations; nothing of mindspeed_rl_ext.checkpoint is imported here.
"""

from __future__ import annotations

import itertools
import json
import os
import signal
import struct
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

Tensors = dict[str, np.ndarray]


@dataclass(frozen=True)
class Tiny:
    """A tiny Qwen2; head_dim need not be hidden / heads."""

    layers: int = 4
    hidden: int = 16
    heads: int = 4
    groups: int = 2
    head_dim: int = 4
    ffn: int = 24
    vocab: int = 37
    tied: bool = False
    bias: bool = True
    dtype: str = "BF16"
    seed: int = 0

    def with_(self, **changes) -> Tiny:
        return replace(self, **changes)

    def config(self) -> dict:
        return {
            "architectures": ["Qwen2ForCausalLM" if self.bias else "LlamaForCausalLM"],
            "model_type": "qwen2" if self.bias else "llama",
            "num_hidden_layers": self.layers,
            "hidden_size": self.hidden,
            "num_attention_heads": self.heads,
            "num_key_value_heads": self.groups,
            "head_dim": self.head_dim,
            "intermediate_size": self.ffn,
            "vocab_size": self.vocab,
            "tie_word_embeddings": self.tied,
            "max_position_embeddings": 64,
            "rms_norm_eps": 1e-6,
            "rope_theta": 1000000.0,
            "hidden_act": "silu",
            "torch_dtype": "bfloat16" if self.dtype == "BF16" else "float32",
        }

    def tensors(self) -> Tensors:
        rng = np.random.default_rng(self.seed)

        def values(*shape: int) -> np.ndarray:
            if self.dtype == "BF16":
                return rng.integers(0, 2**16, shape, dtype="<u2")
            return rng.standard_normal(shape).astype("<f4")

        q, kv = self.heads * self.head_dim, self.groups * self.head_dim
        found = {"model.embed_tokens.weight": values(self.vocab, self.hidden)}
        for n in range(self.layers):
            at = f"model.layers.{n}."
            found |= {
                at + "input_layernorm.weight": values(self.hidden),
                at + "self_attn.q_proj.weight": values(q, self.hidden),
                at + "self_attn.k_proj.weight": values(kv, self.hidden),
                at + "self_attn.v_proj.weight": values(kv, self.hidden),
                at + "self_attn.o_proj.weight": values(self.hidden, q),
                at + "post_attention_layernorm.weight": values(self.hidden),
                at + "mlp.gate_proj.weight": values(self.ffn, self.hidden),
                at + "mlp.up_proj.weight": values(self.ffn, self.hidden),
                at + "mlp.down_proj.weight": values(self.hidden, self.ffn),
            }
            if self.bias:
                for name, size in (("q", q), ("k", kv), ("v", kv)):
                    found[f"{at}self_attn.{name}_proj.bias"] = values(size)
        found["model.norm.weight"] = values(self.hidden)
        if not self.tied:
            found["lm_head.weight"] = values(self.vocab, self.hidden)
        return found


def write_safetensors(path: Path, tensors: Tensors) -> None:
    names = {"uint16": "BF16", "float32": "F32"}
    header, blobs, at = {}, [], 0
    for name, array in tensors.items():
        blob = array.tobytes()
        header[name] = {
            "dtype": names[array.dtype.name],
            "shape": list(array.shape),
            "data_offsets": [at, at + len(blob)],
        }
        blobs.append(blob)
        at += len(blob)
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + b"".join(blobs))


def write_hf(folder: Path, model: Tiny, shards: int = 1) -> Tensors:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(model.config()))
    (folder / "generation_config.json").write_text('{"eos_token_id": 1}')
    (folder / "tokenizer_config.json").write_text('{"model_max_length": 64}')
    (folder / "vocab.json").write_text('{"a": 0}')
    tensors = model.tensors()
    if shards == 1:
        write_safetensors(folder / "model.safetensors", tensors)
        return tensors
    weight_map = {}
    for n in range(shards):
        name = f"model-{n + 1:05d}-of-{shards:05d}.safetensors"
        part = {key: tensors[key] for key in list(tensors)[n::shards]}
        write_safetensors(folder / name, part)
        weight_map |= dict.fromkeys(part, name)
    index = {"metadata": {"total_size": 0}, "weight_map": weight_map}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    return tensors


def expected_rank(
    model: Tiny, tensors: Tensors, tp: int, tp_rank: int, layers: list[tuple[int, int]],
    padded: int, first: bool, last: bool, pp: int,
) -> Tensors:  # fmt: skip
    """One rank's chunk as the format describes it: local index, HuggingFace layer."""
    heads_per_group = model.heads // model.groups

    def pad(rows: np.ndarray) -> np.ndarray:
        filled = np.concatenate([rows, np.repeat(rows[-1:], padded - len(rows), axis=0)])
        return np.split(filled, tp)[tp_rank]

    def fused(q: np.ndarray, k: np.ndarray, v: np.ndarray) -> np.ndarray:
        rest = q.shape[1:]
        by_group = np.concatenate(
            [
                q.reshape(model.groups, heads_per_group * model.head_dim, *rest),
                k.reshape(model.groups, model.head_dim, *rest),
                v.reshape(model.groups, model.head_dim, *rest),
            ],
            axis=1,
        )
        return np.concatenate(np.split(by_group, tp)[tp_rank], axis=0)

    found: Tensors = {}
    if first:
        found["embedding.word_embeddings.weight"] = pad(tensors["model.embed_tokens.weight"])
    for local, layer in layers:
        hf, mc = f"model.layers.{layer}.", f"decoder.layers.{local}."
        attn = hf + "self_attn."
        found[mc + "input_layernorm.weight"] = tensors[hf + "input_layernorm.weight"]
        for kind in ("weight", "bias") if model.bias else ("weight",):
            found[f"{mc}self_attention.linear_qkv.{kind}"] = fused(
                *(tensors[f"{attn}{x}_proj.{kind}"] for x in "qkv")
            )
        found[mc + "self_attention.linear_proj.weight"] = np.split(
            tensors[attn + "o_proj.weight"], tp, axis=1
        )[tp_rank]
        found[mc + "pre_mlp_layernorm.weight"] = tensors[hf + "post_attention_layernorm.weight"]
        gate, up = (np.split(tensors[f"{hf}mlp.{x}_proj.weight"], tp) for x in ("gate", "up"))
        found[mc + "mlp.linear_fc1.weight"] = np.concatenate([gate[tp_rank], up[tp_rank]])
        found[mc + "mlp.linear_fc2.weight"] = np.split(
            tensors[hf + "mlp.down_proj.weight"], tp, axis=1
        )[tp_rank]
    if last:
        found["decoder.final_layernorm.weight"] = tensors["model.norm.weight"]
        if not model.tied:
            found["output_layer.weight"] = pad(tensors["lm_head.weight"])
        elif pp > 1:
            found["output_layer.weight"] = pad(tensors["model.embed_tokens.weight"])
    return found


def edit_config(folder: Path, **changes: object) -> None:
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, **changes}))


def torch_load(path: Path, **options):
    import torch

    return torch.load(path, map_location="cpu", weights_only=False, **options)


def as_numpy(tensor) -> np.ndarray:
    import torch

    if tensor.dtype == torch.bfloat16:
        return tensor.view(torch.int16).numpy().view("<u2")
    return tensor.numpy()


def rank_dir(tp_rank: int, pp_rank: int, pp: int) -> str:
    return f"mp_rank_{tp_rank:02d}_{pp_rank:03d}" if pp > 1 else f"mp_rank_{tp_rank:02d}"


@dataclass(frozen=True)
class Kit:
    """What tests use, since tests are not a package."""

    tiny: type[Tiny] = Tiny
    write_hf: Callable = write_hf
    write_safetensors: Callable = write_safetensors
    expected_rank: Callable = expected_rank
    edit_config: Callable = edit_config
    torch_load: Callable = torch_load
    as_numpy: Callable = as_numpy
    rank_dir: Callable = rank_dir


@pytest.fixture(scope="session")
def kit() -> Kit:
    return Kit()


def run_in_child(work: Callable[[], object], kill_at: int) -> tuple[int, int]:
    """Runs work in a child that dies at that operation; the status and the operations done."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        counter = itertools.count(1)  # several threads write
        done = 0

        def counted(function):
            def call(*args, **kwargs):
                nonlocal done
                done = next(counter)
                if done == kill_at:
                    os.kill(os.getpid(), signal.SIGKILL)
                return function(*args, **kwargs)

            return call

        for name in ("pwrite", "rename", "replace", "fsync", "unlink"):
            setattr(os, name, counted(getattr(os, name)))
        status = 1
        try:
            sys.stderr = Path(os.devnull).open("w")  # noqa: SIM115 - the child ends here
            work()
            status = 0
        finally:
            os.write(writer, str(done).encode())
            os._exit(status)
    os.close(writer)
    with os.fdopen(reader) as pipe:
        done = int(pipe.read() or 0)
    return os.waitpid(child, 0)[1], done


@pytest.fixture(scope="session")
def in_child() -> Callable[[Callable[[], object], int], tuple[int, int]]:
    return run_in_child


@pytest.fixture
def hf_dir(tmp_path: Path) -> Path:
    write_hf(tmp_path / "hf", Tiny())
    return tmp_path / "hf"


@pytest.fixture
def cli(capsys):
    """Runs msrl-ext; returns exit code, standard output, standard error."""
    from mindspeed_rl_ext.cli._dispatch import main

    def run(*words: object) -> tuple[int, str, str]:
        capsys.readouterr()
        code = main([str(word) for word in words])
        out, err = capsys.readouterr()
        return code, out, err

    return run
