"""The scripts and model configs that ship: they run, and say what the models are."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from mindspeed_rl_ext.checkpoint.verify import verify
from mindspeed_rl_ext.core.files.shipped import resolve_config


def run_script(
    root: Path, name: str, *words: str, **variables: object
) -> subprocess.CompletedProcess[str]:
    environment = {key: str(value) for key, value in variables.items()}
    return subprocess.run(
        ["bash", root / "checkpoint_tools" / name, *words],
        capture_output=True,
        text=True,
        env={"PATH": os.environ["PATH"], "PYTHON": sys.executable, **environment},
    )


@pytest.mark.parametrize(
    "there",
    [
        ("ckpt_convert_qwen25_hf2mcore.sh",),
        ("ckpt_convert_qwen25_math_hf2mcore.sh",),
        ("ckpt_convert_hf2mcore.sh", "qwen25_7b_instruct"),
        ("ckpt_convert_hf2mcore.sh", "qwen25_32b"),
    ],
    ids=lambda words: words[-1],
)
def test_the_scripts_convert_there_and_back(repo_root, hf_dir, tmp_path, there):
    mg, back = tmp_path / "mg", tmp_path / "back"
    done = run_script(repo_root, *there, LOAD_DIR=hf_dir, SAVE_DIR=mg, TP=2, PP=4)
    assert done.returncode == 0, done.stderr
    assert len(list(mg.rglob("*.pt"))) == 8
    home = there[0].replace("hf2mcore", "mcore2hf")
    done = run_script(repo_root, home, LOAD_DIR=mg, SAVE_DIR=back, HF_CFG_DIR=hf_dir)
    assert done.returncode == 0, done.stderr
    assert verify(hf_dir, back).ok


FAMILIES = {
    "qwen3_8b": ("Qwen3", {}, 4),
    "qwen3_30b_a3b": ("Qwen3Moe", {"num_experts": 4, "moe_intermediate_size": 8}, 8),
}


@pytest.mark.parametrize("model", FAMILIES)
def test_the_scripts_of_qwen3_convert_there_and_back(repo_root, tmp_path, model):
    transformers = pytest.importorskip("transformers")
    family, more, ranks = FAMILIES[model]
    config = getattr(transformers, f"{family}Config")(
        vocab_size=32, hidden_size=16, intermediate_size=24, num_hidden_layers=2,
        num_attention_heads=4, num_key_value_heads=2, head_dim=8, **more,
    )  # fmt: skip
    hf, mg, back = tmp_path / "hf", tmp_path / "mg", tmp_path / "back"
    getattr(transformers, f"{family}ForCausalLM")(config).save_pretrained(hf)
    there, home = (f"ckpt_convert_{way}.sh" for way in ("hf2mcore", "mcore2hf"))
    done = run_script(repo_root, there, model, LOAD_DIR=hf, SAVE_DIR=mg, TP=2, PP=2, EP=ranks // 4)
    assert done.returncode == 0, done.stderr
    assert len(list(mg.rglob("*.pt"))) == ranks
    done = run_script(repo_root, home, LOAD_DIR=mg, SAVE_DIR=back, HF_CFG_DIR=hf)
    assert done.returncode == 0, done.stderr
    assert verify(hf, back).ok


def test_every_script_has_its_way_back_and_a_line_in_the_readme(repo_root):
    names = sorted(path.name for path in (repo_root / "checkpoint_tools").glob("*.sh"))
    readme = (repo_root / "checkpoint_tools/README.md").read_text()
    assert len(names) == 6
    for name in names:
        assert name.replace("hf2mcore", "mcore2hf") in names
        assert f"`{name}`" in readme or f"`{name} MODEL`" in readme
        text = (repo_root / "checkpoint_tools" / name).read_text()
        assert "set -euo pipefail" in text
        assert f"bash {name}" in text


def test_a_model_that_a_script_does_not_know_is_refused(repo_root, tmp_path):
    done = run_script(repo_root, "ckpt_convert_hf2mcore.sh", "qwen9", LOAD_DIR=".", SAVE_DIR=".")
    assert done.returncode == 2
    assert "unknown model 'qwen9'" in done.stderr


def test_a_script_names_the_variable_that_is_missing(repo_root):
    done = run_script(repo_root, "ckpt_convert_qwen25_hf2mcore.sh")
    assert done.returncode != 0
    assert "LOAD_DIR: directory of the HuggingFace model" in done.stderr


@pytest.mark.parametrize(
    ("name", "rotary_base", "positions"),
    [("qwen25-7b", 1000000, 32768), ("qwen25-math-7b", 10000, 4096)],
)
def test_model_configs_hold_the_published_sizes(name, rotary_base, positions):
    values = yaml.safe_load(resolve_config(name, "model").read_text())[name]
    sizes = ("num_layers", "hidden_size", "ffn_hidden_size", "num_attention_heads")
    assert [values[key] for key in sizes] == [28, 3584, 18944, 28]
    assert values["num_query_groups"] == 4
    assert values["rotary_base"] == rotary_base
    assert values["max_position_embeddings"] == positions
    assert values["norm_epsilon"] == 1e-6
    assert values["padded_vocab_size"] == 152064
