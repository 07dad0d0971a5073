"""MindSpeed-LLM's convert_ckpt.py finds our loader and saver; failures keep their exit code.

The double has the host's way of looking plugins up and its two processes.
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import numpy as np
import pytest

from mindspeed_rl_ext.checkpoint.formats.huggingface.safetensors_file import header_bytes
from mindspeed_rl_ext.checkpoint.verify import verify

DOUBLE = """
import argparse, importlib, multiprocessing as mp, sys

def load_plugin(kind, name):
    for module in (f"mindspeed_llm.tasks.checkpoint.{kind}_{name}",
                   f"mindspeed_llm.tasks.checkpoint.{name}"):
        try:
            return importlib.import_module(module)
        except ModuleNotFoundError:
            pass
    sys.exit(f"Unable to load {kind} plugin {name}")

def main():
    parser = argparse.ArgumentParser(allow_abbrev=False)
    parser.add_argument("--model-type", type=str, required=True)
    parser.add_argument("--loader", type=str, default="megatron")
    parser.add_argument("--load-model-type", type=str, nargs="?", default=None)
    parser.add_argument("--saver", type=str, default="megatron")
    parser.add_argument("--save-model-type", type=str, default=None)
    parser.add_argument("--load-dir", type=str, required=True)
    parser.add_argument("--save-dir", type=str, required=True)
    parser.add_argument("--max-queue-size", type=int, default=50)
    parser.add_argument("--model-type-hf", type=str, default="bloom", choices=["bloom", "llama2"])
    parser.add_argument("--ckpt-cfg-path", type=str, default="configs/checkpoint/model_cfg.json")
    known, _ = parser.parse_known_args()
    loader, saver = load_plugin("loader", known.loader), load_plugin("saver", known.saver)
    loader.add_arguments(parser)
    saver.add_arguments(parser)
    args = parser.parse_args()
    queue = mp.Queue(maxsize=args.max_queue_size)
    process = mp.Process(target=saver.save_model_checkpoint, args=(None, queue, args))
    process.start()
    loader.load_checkpoint(None, queue, args)
    process.join()

if __name__ == "__main__":
    main()
"""


@pytest.fixture
def host(tmp_path: Path) -> Path:
    folder = tmp_path / "host"
    package = folder / "mindspeed_llm/tasks/checkpoint"
    package.mkdir(parents=True)
    for parent in (package, package.parent, package.parent.parent):
        (parent / "__init__.py").touch()
    (package / "loader_hf.py").write_text("def add_arguments(parser): pass\n")
    (folder / "convert_ckpt.py").write_text(DOUBLE)
    return folder


@pytest.fixture
def hf(tmp_path: Path) -> Path:
    from mindspeed_rl_ext.checkpoint.dtypes import by_name
    from mindspeed_rl_ext.checkpoint.mapping.expected import expected_hf
    from mindspeed_rl_ext.checkpoint.mapping.sizes import sizes_of_config
    from mindspeed_rl_ext.checkpoint.models import model_of_config

    config = {
        "model_type": "qwen2", "num_hidden_layers": 2, "hidden_size": 8, "vocab_size": 10,
        "num_attention_heads": 4, "num_key_value_heads": 2, "intermediate_size": 12,
    }  # fmt: skip
    folder = tmp_path / "hf"
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(config))
    spec = model_of_config(config)
    shapes = expected_hf(spec, sizes_of_config(spec, config))
    rng = np.random.default_rng(0)
    data = [rng.integers(0, 255, 2 * int(np.prod(s)), "u1").tobytes() for s in shapes.values()]
    header = header_bytes([(name, by_name("bfloat16"), s) for name, s in shapes.items()])
    (folder / "model.safetensors").write_bytes(header + b"".join(data))
    return folder


def run(python: Path, host: Path, *words: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [python, host / "convert_ckpt.py", "--model-type", "GPT", *map(str, words)],
        capture_output=True,
        text=True,
        timeout=120,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(host)},
    )


OURS = ("--loader", "msrl_ext", "--saver", "msrl_ext")


def test_the_hosts_script_converts_with_our_loader_and_saver(hooked_python, host, hf, tmp_path):
    mg, back = tmp_path / "mg", tmp_path / "back"
    there = run(
        hooked_python, host, *OURS, "--load-dir", hf, "--save-dir", mg,
        "--target-tensor-parallel-size", 2, "--target-pipeline-parallel-size", 2, "--verify",
    )  # fmt: skip
    assert there.returncode == 0, there.stderr
    assert len(list(mg.rglob("model_optim_rng.pt"))) == 4
    home = run(
        hooked_python, host, *OURS, "--load-dir", mg, "--save-dir", back,
        "--save-model-type", "hf", "--hf-cfg-dir", hf,
    )  # fmt: skip
    assert home.returncode == 0, home.stderr
    assert verify(hf, back).ok


def test_a_failed_conversion_fails_the_hosts_script(hooked_python, host, hf, tmp_path):
    done = run(
        hooked_python, host, *OURS, "--load-dir", hf, "--save-dir", tmp_path / "mg",
        "--target-tensor-parallel-size", 4,
    )  # fmt: skip
    assert done.returncode == 2
    assert "num_query_groups 2 does not divide into 4" in done.stderr
    assert not (tmp_path / "mg").exists()


def test_our_saver_does_not_wait_for_another_loader(hooked_python, host, hf, tmp_path):
    words = ("--load-dir", hf, "--save-dir", tmp_path / "mg")
    done = run(hooked_python, host, "--loader", "msrl_ext", "--saver", "other", *words)
    assert "Unable to load saver plugin other" in done.stderr
    saver = host / "mindspeed_llm/tasks/checkpoint/saver_other.py"
    saver.write_text(
        "def add_arguments(parser): pass\n"
        "def save_model_checkpoint(provider, queue, args): assert queue.get() == 'exit'\n"
    )
    done = run(hooked_python, host, "--loader", "msrl_ext", "--saver", "other", *words)
    assert done.returncode == 1
    assert "goes with --saver msrl_ext" in done.stderr
    assert not (tmp_path / "mg").exists()
