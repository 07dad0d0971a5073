"""MindSpeed-LLM's convert_ckpt.py with our loader and saver writes what our command writes."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess

import pytest

OURS = ("--loader", "msrl_ext", "--saver", "msrl_ext")
LAYOUT = ("--target-tensor-parallel-size", 2, "--target-pipeline-parallel-size", 2)
CONFIG = {
    "architectures": ["Qwen2ForCausalLM"], "model_type": "qwen2", "num_hidden_layers": 2,
    "hidden_size": 16, "vocab_size": 128, "num_attention_heads": 4, "num_key_value_heads": 2,
    "intermediate_size": 24, "max_position_embeddings": 64, "rms_norm_eps": 1e-6,
    "rope_theta": 1e6, "tie_word_embeddings": False, "torch_dtype": "bfloat16",
}  # fmt: skip


@pytest.fixture(scope="session")
def qwen2(tmp_path_factory):
    """A tiny Qwen2 with random weights, saved by transformers."""
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    folder = tmp_path_factory.mktemp("qwen2") / "hf"
    torch.manual_seed(0)
    model = transformers.Qwen2ForCausalLM(transformers.Qwen2Config(**CONFIG))
    model.to(torch.bfloat16).save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def qwen3(tmp_path_factory):
    """A tiny Qwen3, the one family that every `convert_ckpt_v2.py` converts."""
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    folder = tmp_path_factory.mktemp("qwen3") / "hf"
    torch.manual_seed(0)
    config = {**CONFIG, "architectures": ["Qwen3ForCausalLM"], "model_type": "qwen3", "head_dim": 8}
    model = transformers.Qwen3ForCausalLM(transformers.Qwen3Config(**config))
    model.to(torch.bfloat16).save_pretrained(folder)
    file = folder / "config.json"  # newer transformers call it dtype, which 2.2 does not know
    file.write_text(json.dumps({**json.loads(file.read_text()), "torch_dtype": "bfloat16"}))
    return folder


def tensors(folder):
    """Every tensor of every rank, by the rank's folder, the part of the dict and its name."""
    torch = pytest.importorskip("torch")
    found = {}
    for file in sorted(folder.rglob("model_optim_rng.pt")):
        whole = torch.load(file, map_location="cpu", weights_only=False)  # made by these tests
        for part in (key for key in whole if key.startswith("model")):
            found.update(
                {(file.parent.name, part, name): tensor for name, tensor in whole[part].items()
                 if tensor is not None}
            )  # fmt: skip
    return found


def digests(folder):
    """SHA-256 of every file but the manifest, which holds the time."""
    files = sorted(p for p in folder.rglob("*") if p.is_file() and "manifest" not in p.name)
    return {str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


@pytest.fixture
def command(host_python, tmp_path):
    def run(*words):
        done = subprocess.run(
            list(map(str, [host_python, "-m", "mindspeed_rl_ext.cli", "convert", *words])),
            env={"PATH": os.environ["PATH"]}, cwd=tmp_path,
            capture_output=True, text=True, timeout=300, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr

    return run


def test_both_ways_equal_our_command(llm_line, script, command, qwen2, tmp_path):
    if not llm_line.has_converter:
        pytest.skip("its converter takes no loader: msrl-ext convert is used")
    mg, back = tmp_path / "mg", tmp_path / "back"
    done = script(llm_line, "convert_ckpt.py", "--model-type", "GPT", *OURS, *LAYOUT,
                  "--load-dir", qwen2, "--save-dir", mg)  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    done = script(llm_line, "convert_ckpt.py", "--model-type", "GPT", *OURS,
                  "--load-dir", mg, "--save-dir", back, "--hf-cfg-dir", qwen2)  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    command("--load-model-type", "hf", "--save-model-type", "mg", "--load-dir", qwen2,
            "--save-dir", tmp_path / "our_mg", *LAYOUT)  # fmt: skip
    command("--load-model-type", "mg", "--save-model-type", "hf", "--load-dir", tmp_path / "our_mg",
            "--save-dir", tmp_path / "our_back", "--hf-cfg-dir", qwen2)  # fmt: skip
    assert digests(mg) == digests(tmp_path / "our_mg")
    assert digests(back) == digests(tmp_path / "our_back")
    assert len([name for name in digests(mg) if name.endswith(".pt")]) == 4


def test_what_cannot_be_is_an_exit_code(llm_line, script, qwen2, tmp_path):
    if not llm_line.has_converter:
        pytest.skip("its converter takes no loader: msrl-ext convert is used")
    done = script(llm_line, "convert_ckpt.py", "--model-type", "GPT", *OURS,
                  "--target-tensor-parallel-size", 4, "--load-dir", qwen2,
                  "--save-dir", tmp_path / "mg")  # fmt: skip
    assert done.returncode == 2, done.stderr[-3000:]
    assert "num_query_groups 2 does not divide" in done.stdout + done.stderr
    assert not (tmp_path / "mg" / "latest_checkpointed_iteration.txt").exists()


def test_a_line_without_the_point_has_no_plugins(llm_line):
    """Why it is not adapted: its script has no loaders by name."""
    checkout = llm_line.paths()[0]
    assert (checkout / "convert_ckpt.py").exists() == llm_line.has_converter
    if not llm_line.has_converter:
        assert "--loader" not in (checkout / "convert_ckpt_v2.py").read_text()


def test_the_hosts_own_converter_writes_our_tensors(llm_line, script, command, qwen3, tmp_path):
    """Bit by bit, both ways; the host's files are read by ours and ours by the host's."""
    if not (llm_line.paths()[0] / "convert_ckpt_v2.py").exists():
        pytest.skip("has no convert_ckpt_v2.py")
    theirs, ours = tmp_path / "theirs", tmp_path / "ours"
    to_mg = ("--load-model-type", "hf", "--save-model-type", "mg", "--model-type-hf", "qwen3")
    done = script(llm_line, "convert_ckpt_v2.py", *to_mg, *LAYOUT,
                  "--load-dir", qwen3, "--save-dir", theirs)  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    command(*to_mg, *LAYOUT, "--load-dir", qwen3, "--save-dir", ours, "--mcore-dialect", "0.12")
    expected, made = tensors(theirs), tensors(ours)
    assert set(made) == set(expected)
    assert len(made) > 20
    assert {name for name in made if not made[name].equal(expected[name])} == set()
    back = tmp_path / "back"
    command("--load-model-type", "mg", "--save-model-type", "hf", "--load-dir", theirs,
            "--save-dir", back, "--hf-cfg-dir", qwen3)  # fmt: skip
    assert weights(back) == weights(qwen3)


def weights(folder):
    """Every HuggingFace tensor's bytes by name."""
    from safetensors.torch import load_file

    found = {}
    for file in folder.glob("*.safetensors"):
        for name, tensor in load_file(file).items():
            found[name] = tensor.view(-1).view(dtype=pytest.importorskip("torch").uint8).tolist()
    return found
