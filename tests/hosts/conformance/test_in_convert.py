"""MindSpeed-LLM's convert_ckpt.py with our loader and saver writes what our command writes."""

from __future__ import annotations

import hashlib

import pytest

OURS = ("--loader", "msrl_ext", "--saver", "msrl_ext")
LAYOUT = ("--target-tensor-parallel-size", 2, "--target-pipeline-parallel-size", 2)


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


@pytest.fixture(scope="session")
def of_our_command(convert, qwen2, qwen3, tmp_path_factory):
    """What our command makes of the models, the same for every line."""
    folder = tmp_path_factory.mktemp("our_command")
    to_mg = ("--load-model-type", "hf", "--save-model-type", "mg")
    convert(*to_mg, "--load-dir", qwen2, "--save-dir", folder / "mg", *LAYOUT)
    convert("--load-model-type", "mg", "--save-model-type", "hf", "--load-dir", folder / "mg",
            "--save-dir", folder / "back", "--hf-cfg-dir", qwen2)  # fmt: skip
    convert(*to_mg, "--model-type-hf", "qwen3", *LAYOUT, "--load-dir", qwen3,
            "--save-dir", folder / "qwen3", "--mcore-dialect", "0.12")  # fmt: skip
    return folder


def test_both_ways_equal_our_command(llm_line, script, of_our_command, qwen2, tmp_path):
    if not llm_line.has_converter:
        pytest.skip("its converter takes no loader: msrl-ext convert is used")
    mg, back = tmp_path / "mg", tmp_path / "back"
    done = script(llm_line, "convert_ckpt.py", "--model-type", "GPT", *OURS, *LAYOUT,
                  "--load-dir", qwen2, "--save-dir", mg)  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    done = script(llm_line, "convert_ckpt.py", "--model-type", "GPT", *OURS,
                  "--load-dir", mg, "--save-dir", back, "--hf-cfg-dir", qwen2)  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    assert digests(mg) == digests(of_our_command / "mg")
    assert digests(back) == digests(of_our_command / "back")
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


def test_the_hosts_own_converter_writes_our_tensors(
    llm_line, script, convert, of_our_command, qwen3, tmp_path
):
    """Bit by bit, both ways; the host's files are read by ours and ours by the host's."""
    if not (llm_line.paths()[0] / "convert_ckpt_v2.py").exists():
        pytest.skip("has no convert_ckpt_v2.py")
    theirs, ours = tmp_path / "theirs", of_our_command / "qwen3"
    to_mg = ("--load-model-type", "hf", "--save-model-type", "mg", "--model-type-hf", "qwen3")
    done = script(llm_line, "convert_ckpt_v2.py", *to_mg, *LAYOUT,
                  "--load-dir", qwen3, "--save-dir", theirs)  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    expected, made = tensors(theirs), tensors(ours)
    assert set(made) == set(expected)
    assert len(made) > 20
    assert {name for name in made if not made[name].equal(expected[name])} == set()
    back = tmp_path / "back"
    convert("--load-model-type", "mg", "--save-model-type", "hf", "--load-dir", theirs,
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
