"""Two nodes of a real Ray cluster convert a checkpoint: each its part."""

from __future__ import annotations

import json
import os
import shutil
import signal
import struct
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from mindspeed_rl_ext.checkpoint.convert import convert
from mindspeed_rl_ext.checkpoint.options import ConvertOptions
from mindspeed_rl_ext.checkpoint.verify import verify
from mindspeed_rl_ext.core.errors import InputError

pytest.importorskip("ray", reason="ray is not installed")

HEAD, OTHER = "127.0.0.1", "127.0.0.2"
HIDDEN, VOCAB, LAYERS = 16, 32, 2


class Cluster:
    """A head node and another one, each with a directory of its own."""

    def __init__(self, home: Path, ray) -> None:
        self.home, self.ray = home, ray
        self.environment = {**os.environ, "MSRL_EXT_LANG": "en", **ray.settings()}
        for ip in (HEAD, OTHER):
            (home / ip).mkdir()
            ray.start(sys.executable, ip, home / ip, self.environment)

    def convert(self, *words: object) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command(self.ray.address, *words), cwd=self.home, env=self.environment,
            capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip


def command(address: str, *words: object) -> list[str]:
    given = ["--engine", "ray", "--ray-address", address, "--save-model-type", "mg", *words]
    sizes = ["--target-tensor-parallel-size", "2", "--target-pipeline-parallel-size", "2"]
    return [
        sys.executable, "-m", "mindspeed_rl_ext.cli", "convert", *sizes, *map(str, given),
    ]  # fmt: skip


def write_model(folder: Path, ffn: int = 8) -> None:
    folder.mkdir()
    shapes = {"model.embed_tokens.weight": (VOCAB, HIDDEN), "model.norm.weight": (HIDDEN,)}
    for layer in range(LAYERS):
        at = f"model.layers.{layer}."
        shapes |= {
            **{f"{at}self_attn.{x}_proj.weight": (HIDDEN, HIDDEN) for x in "qkvo"},
            **{f"{at}mlp.{x}_proj.weight": (ffn, HIDDEN) for x in ("gate", "up")},
            f"{at}mlp.down_proj.weight": (HIDDEN, ffn),
            f"{at}input_layernorm.weight": (HIDDEN,),
            f"{at}post_attention_layernorm.weight": (HIDDEN,),
        }
    header, at = {}, 0
    for name, shape in shapes.items():
        size = 4 * int(np.prod(shape))
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [at, at + size]}
        at += size
    text = json.dumps(header).encode()
    with (folder / "model.safetensors").open("wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        file.write(np.random.default_rng(0).standard_normal(at // 4).astype("<f4").tobytes())
    config = {
        "model_type": "llama", "num_hidden_layers": LAYERS, "hidden_size": HIDDEN,
        "num_attention_heads": 4, "num_key_value_heads": 4, "intermediate_size": ffn,
        "vocab_size": VOCAB, "tie_word_embeddings": True, "max_position_embeddings": 64,
        "rms_norm_eps": 1e-6, "rope_theta": 1e4, "hidden_act": "silu",
    }  # fmt: skip
    (folder / "config.json").write_text(json.dumps(config))


def snapshot(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


@pytest.fixture(scope="module")
def cluster(tmp_path_factory, ray_nodes) -> Cluster:
    home = tmp_path_factory.mktemp("cluster")
    write_model(home / "model")
    return Cluster(home, ray_nodes)


@pytest.mark.slow
def test_nodes_that_share_a_directory_write_one_checkpoint(cluster):
    home = cluster.home
    convert(ConvertOptions("hf", "mg", home / "model", home / "whole", 2, 2))
    # Paths are those of the driver's directory, not of the nodes'.
    given = ("--load-dir", "model", "--save-dir", "shared", "--verify")
    dry = cluster.convert(*given, "--dry-run")
    assert dry.returncode == 0, dry.stderr
    assert not (home / "shared").exists()
    for number, stage in enumerate((0, 1)):
        assert f"node {number}, " in dry.stdout
        assert f"tp 0-1, pp {stage}, ep 0: 2 of 4 ranks" in dry.stdout
    done = cluster.convert(*given)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("verified") == 2
    assert snapshot(home / "shared") == snapshot(home / "whole")
    again = cluster.convert(*given)
    assert again.returncode == 2
    assert again.stderr.count("holds these ranks already") == 2
    rows = json.loads(cluster.convert(*given, "--resume", "--json").stdout)
    assert [row["number"] for row in rows] == [0, 1]


@pytest.mark.slow
def test_nodes_with_disks_of_their_own_hold_their_ranks_in_the_order_given(cluster):
    home = cluster.home
    # /proc/self/cwd is another directory for each node, as a disk of its own is.
    out = "/proc/self/cwd/own"
    nodes = [line.split()[2] for line in cluster.convert(
        "--load-dir", "model", "--save-dir", out, "--dry-run"
    ).stdout.splitlines()]  # fmt: skip
    assert nodes[0] != nodes[1]
    turned = ",".join(reversed(nodes))
    done = cluster.convert("--load-dir", "model", "--save-dir", out, "--nodes", turned)
    assert done.returncode == 0, done.stderr
    # Ray puts the machine's own address in the place of the head's.
    for ip, stage in (
        (HEAD, 1 if nodes[1] == OTHER else 0),
        (OTHER, 0 if nodes[1] == OTHER else 1),
    ):
        found = home / ip / "own"
        ranks = sorted(path.name for path in (found / "iter_0000001").iterdir())
        assert ranks == [f"mp_rank_{tp:02d}_{stage:03d}" for tp in (0, 1)]
        assert verify(home / "model", found).ok
    wrong = cluster.convert("--load-dir", "model", "--save-dir", out, "--nodes", "10.9.8.7")
    assert wrong.returncode == 2
    assert "10.9.8.7" in wrong.stderr


@pytest.mark.slow
def test_a_node_that_lacks_the_source_is_named_and_no_node_writes(cluster):
    home = cluster.home
    shutil.copytree(home / "model", home / HEAD / "model")
    done = cluster.convert("--load-dir", "/proc/self/cwd/model", "--save-dir", home / "none")
    assert done.returncode == 2
    assert done.stderr.count(" failed\n") == 1
    assert f"{OTHER} (" in done.stderr
    assert "no such directory" in done.stderr
    assert not (home / "none").exists()


@pytest.mark.slow
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interruption_ends_the_conversion_on_all_nodes(cluster, number, code):
    home = cluster.home
    big, out = home / "big", home / f"big_out{code}"
    if not big.exists():
        write_model(big, ffn=4 << 20)
    driver = subprocess.Popen(
        command(cluster.ray.address, "--load-dir", big, "--save-dir", out, "--workers", "1"),
        cwd=home, env=cluster.environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
    )  # fmt: skip
    for _ in range(600):
        if any(out.glob(".msrl-ext-staging*/*/*/*.pt")):
            break
        time.sleep(0.05)
    driver.send_signal(number)
    error = driver.communicate(timeout=120)[1].decode()
    assert driver.returncode == code, error
    assert "interrupted" in error
    # The part that made the directory may end before the other one has emptied it.
    assert not out.exists() or list(out.iterdir()) == []


def test_ranks_are_not_chosen_twice():
    from mindspeed_rl_ext.integrations.ray_conversion import convert_on_nodes

    options = ConvertOptions("hf", "mg", Path("a"), Path("b"), engine="ray", node="0/2")
    with pytest.raises(InputError, match="gives every node its part"):
        convert_on_nodes(options, lambda replies: None, lambda reply: None)
