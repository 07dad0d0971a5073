"""The scripts and model configs that ship: they run, and say what the models are."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from mindspeed_rl_ext.checkpoint.verify import verify
from mindspeed_rl_ext.shipped import resolve_config


def run_script(root: Path, name: str, **variables: object) -> subprocess.CompletedProcess[str]:
    environment = {key: str(value) for key, value in variables.items()}
    return subprocess.run(
        ["bash", root / "checkpoint_tools" / name],
        capture_output=True,
        text=True,
        env={"PATH": os.environ["PATH"], "PYTHON": sys.executable, **environment},
    )


@pytest.mark.parametrize("model", ["qwen25", "qwen25_math"])
def test_the_scripts_convert_there_and_back(repo_root, hf_dir, tmp_path, model):
    mg, back = tmp_path / "mg", tmp_path / "back"
    there = f"ckpt_convert_{model}_hf2mcore.sh"
    done = run_script(repo_root, there, LOAD_DIR=hf_dir, SAVE_DIR=mg, TP=2, PP=4)
    assert done.returncode == 0, done.stderr
    assert len(list(mg.rglob("*.pt"))) == 8
    done = run_script(
        repo_root,
        f"ckpt_convert_{model}_mcore2hf.sh",
        LOAD_DIR=mg,
        SAVE_DIR=back,
        HF_CFG_DIR=hf_dir,
    )
    assert done.returncode == 0, done.stderr
    assert verify(hf_dir, back).ok


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
