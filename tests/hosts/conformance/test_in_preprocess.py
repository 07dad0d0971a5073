"""The host's own preprocess_data.py with our handler writes the bytes of `msrl-ext preprocess`."""

from __future__ import annotations

import json
import os
import subprocess

import pytest

HANDLER = "AlpacaStylePromptOnlyHandler"
MAP_KEYS = {"prompt": "question", "query": "", "response": "answer", "system": ""}
KEYS = ("input_ids", "attention_mask", "labels")


def files_of(prefix, keys=KEYS):
    return {
        f"{key}.{kind}": prefix.with_name(
            f"{prefix.name}_packed_{key}_document.{kind}"
        ).read_bytes()
        for key in keys
        for kind in ("bin", "idx")
    }


@pytest.fixture(scope="session")
def ours(host_python, rows_file, tokenizer_dir, tmp_path_factory):
    """What the command line makes of the rows; asked once where lines share the templates."""
    made = {}

    def run(prompt_type, templates, *more, keys=KEYS):
        question = (prompt_type, templates.read_bytes(), more, keys)
        if question not in made:
            made[question] = pack(prompt_type, templates, *more, keys=keys)
        return made[question]

    def pack(prompt_type, templates, *more, keys):
        tmp_path = tmp_path_factory.mktemp("ours")
        prefix = tmp_path / "ours" / "data"
        prefix.parent.mkdir()
        done = subprocess.run(
            [
                host_python, "-m", "mindspeed_rl_ext.cli", "preprocess", "--input", rows_file,
                "--tokenizer-name-or-path", tokenizer_dir, "--output-prefix", prefix,
                "--map-keys", json.dumps(MAP_KEYS), "--prompt-type", prompt_type,
                "--prompt-type-path", templates, "--handler-name", HANDLER,
                "--label-extractor", "gsm8k", *more,
            ],
            cwd=tmp_path, env={"PATH": os.environ["PATH"], "HF_HUB_OFFLINE": "1"},
            capture_output=True, text=True, timeout=300, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return files_of(prefix, keys)

    return run


@pytest.fixture
def theirs(script, rows_file, tokenizer_dir, tmp_path):
    """What the host's script makes of the rows, called as its documentation does."""

    def run(line, prompt_type, templates, keys=KEYS, rl_script=""):
        prefix = tmp_path / "theirs" / "data"
        prefix.parent.mkdir(exist_ok=True)
        extra = [key for key in keys if key not in ("input_ids", "attention_mask")]
        settings = {
            "input": str(rows_file), "tokenizer_name_or_path": str(tokenizer_dir),
            "output_prefix": str(prefix), "handler_name": HANDLER,
            "prompt_type": prompt_type, "prompt_type_path": str(templates), "map_keys": MAP_KEYS,
            "dataset_additional_keys": extra, "workers": 1, "log_interval": 1000,
            "cache_dir": str(tmp_path / "cache"),
        }  # fmt: skip
        if line.is_rl or rl_script:
            configs = tmp_path / "configs"
            configs.mkdir(exist_ok=True)
            settings["tokenizer_type"] = "HuggingFaceTokenizer"
            settings["label_extractor"] = "gsm8k"  # ours, as the command takes it in the same YAML
            (configs / "mine.yaml").write_text(json.dumps(settings))
            words, env = (
                [rl_script or "cli/preprocess_data.py", "mine", f"--config-path={configs}"],
                {},
            )
        else:
            settings["tokenizer_type"] = "PretrainedFromHF"
            settings["map_keys"] = json.dumps(MAP_KEYS)
            words = ["preprocess_data.py"]
            for name, value in settings.items():
                many = value if isinstance(value, list) else [value]
                words += ["--" + name.replace("_", "-"), *map(str, many)]
            env = {"MSRL_EXT_LABEL_EXTRACTOR": "gsm8k"}
        return script(line, *words, **env), prefix

    return run


def host_templates(line):
    folder = "configs/model" if line.is_rl else "configs/finetune"
    return line.paths()[0] / folder / "templates.json"


def test_bytes_equal_those_of_our_command(line, theirs, ours):
    done, prefix = theirs(line, "qwen_math_r1", host_templates(line))
    assert done.returncode == 0, done.stderr[-3000:]
    assert files_of(prefix) == ours("qwen_math_r1", host_templates(line))
    report = json.loads(prefix.with_name("data_report.json").read_text())
    assert (report["kept"], report["total"]) == (12, 12)
    output = done.stderr + done.stdout
    assert "label_extractor = 'gsm8k', from" in output  # where an option came from is logged


def test_our_templates_work_by_path_and_additional_keys_travel(line, theirs, ours, repo_root):
    keys = (*KEYS, "source")
    templates, more = repo_root / "configs" / "templates.json", ["--dataset-additional-keys"]
    done, prefix = theirs(line, "qwen_r1_mindspeed_rl", templates, keys)
    assert done.returncode == 0, done.stderr[-3000:]
    mine = ours("qwen_r1_mindspeed_rl", templates, *more, "labels", "source", keys=keys)
    assert files_of(prefix, keys) == mine


def test_preprocess_prompt_of_mindspeed_llm_does_the_same(llm_line, theirs, ours, repo_root):
    """From 26.0 on this script runs MindSpeed-RL's preprocessing, and our points in it."""
    if not (llm_line.paths()[0] / "preprocess_prompt.py").exists():
        pytest.skip("has no preprocess_prompt.py")
    templates = repo_root / "configs" / "templates.json"
    done, prefix = theirs(
        llm_line, "qwen_r1_mindspeed_rl", templates, rl_script="preprocess_prompt.py"
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert files_of(prefix) == ours("qwen_r1_mindspeed_rl", templates)
