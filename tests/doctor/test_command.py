"""`msrl-ext doctor` as it is called: exit codes, languages, JSON, bad input, what it imports."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from mindspeed_rl_ext.cli import _dispatch as cli

SEVEN = "msrl/grpo_qwen25_7b"


@pytest.fixture
def doctor(capsys):
    def run(*words):
        code = cli.main(["doctor", *map(str, words)])
        output = capsys.readouterr()
        return code, output.out, output.err

    return run


def errors_of(out):
    return {row["id"] for row in json.loads(out) if row["level"] == "error"}


def test_a_name_finds_the_shipped_file(doctor):
    code, out, _ = doctor("--config", "grpo_qwen25_7b", "--json")
    rows = json.loads(out)
    [holds] = [row for row in rows if row["id"] == "batch-sizes-consistent"]
    assert set(holds) == {"id", "level", "cause", "place", "file", "key", "line", "remedy"}
    assert holds["file"].endswith("grpo_qwen25_7b.yaml")
    assert holds["key"] == "rl_config"
    assert holds["line"] > 1
    assert code == (1 if errors_of(out) else 0)


def test_a_name_with_its_folder_tells_the_hosts_apart(doctor):
    _, out, _ = doctor("--config", "rlxf/grpo_qwen25_math_7b", "--json")
    assert "rlxf-batch-sizes-consistent" in {row["id"] for row in json.loads(out)}


@pytest.mark.parametrize(
    ("name", "folders"),
    [
        ("r1_zero", {"datasets", "recipes"}),
        ("countdown", {"datasets", "recipes"}),
        ("grpo_qwen25_math_7b", {"msrl", "rlxf"}),
        ("r1_zero_qwen25_7b_instruct", {"msrl", "rlxf"}),
        ("grpo_qwen25_7b", {"msrl"}),
        ("recipes/r1_zero", {"recipes"}),
        ("rlxf/grpo_qwen25_math_7b", {"rlxf"}),
    ],
)
def test_every_shipped_file_of_a_name_is_opened_and_named(name, folders, doctor):
    code, out, _ = doctor("--config", name, "--json")
    last = f"{Path(name).name}.yaml"
    named = {Path(row["file"]).parent.name for row in json.loads(out) if last in row["file"]}
    assert named == folders
    assert code == (1 if errors_of(out) else 0)


def test_a_directory_of_the_name_shadows_no_shipped_file(doctor, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "grpo_qwen25_7b").mkdir()
    _, out, _ = doctor("--config", "grpo_qwen25_7b", "--json")
    assert "batch-sizes-consistent" in {row["id"] for row in json.loads(out)}


def test_an_error_is_exit_code_1(doctor, spoil):
    path = spoil(SEVEN, {"actor_config/micro_batch_size": 3})
    code, out, _ = doctor("--config", path)
    assert code == 1
    assert out.startswith("error")
    assert "micro-batch-not-divisor" in out


def test_the_same_findings_in_chinese(doctor, monkeypatch):
    _, english, _ = doctor("--config", "grpo_qwen25_7b", "--json", "--lang", "en")
    _, chinese, _ = doctor("--config", "grpo_qwen25_7b", "--json", "--lang", "zh")
    pairs = list(zip(json.loads(english), json.loads(chinese), strict=True))
    assert [a["id"] for a, _ in pairs] == [b["id"] for _, b in pairs]
    assert all(a["place"] == b["place"] for a, b in pairs)
    assert any(a["cause"] != b["cause"] for a, b in pairs)
    monkeypatch.setenv("LC_ALL", "zh_CN.UTF-8")
    _, out, _ = doctor("--config", "grpo_qwen25_7b")
    assert "个错误" in out


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("  lr: ", "\tlr: ", ["tab", "expected: spaces", "yaml:"]),
        ("  lr: ", "  lrr: ", ["actor_config.lrr", "did you mean lr"]),
        ("rl_config:", "rl_confg:", ["rl_confg", "did you mean rl_config"]),
        ("    num_npus: 16", "    num_npuss: 16", ["num_npuss", "did you mean num_npus"]),
        ("    temperature: 1.0", "    temprature: 1.0", ["did you mean temperature"]),
        ("  train_iters: 500", "  train_iters: many", ["wrong type", "'many'", "a whole number"]),
        ("  bf16: true", "  bf16: 'true'", ["wrong type", "true or false"]),
        ("  verifier_weight: [1.0]", "  verifier_weight: 1.0", ["wrong type", "a list of numbers"]),
        ("      - qwen25-7b", "      - qwen25-7", ["qwen25-7.yaml", "did you mean qwen25-7b"]),
        ("  model: qwen25-7b", "  model: qwen25-8b", ["qwen25-8b", "not loaded"]),
        ("actor_config:", "actor_config: 3\nx_config:", ["actor_config is not a table"]),
        ("  gamma: 1.0", "  gamma: 1.0\n  gamma: 0.9", ["gamma", "twice"]),
    ],
)
def test_a_broken_file_is_exit_code_2_with_its_line(old, new, words, configs, doctor):
    path = configs / f"{SEVEN}.yaml"
    text = path.read_text()
    assert f"\n{old}" in text
    path.write_text(text.replace(f"\n{old}", f"\n{new}"))
    code, out, err = doctor("--config", path)
    assert (code, out) == (2, "")
    assert all(word in err for word in words), err


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("  seq_length: 4096", "  seq_lenght: 4096", ["did you mean seq_length"]),
        ("  seq_length: 4096", "  seq_length: long", ["wrong type", "a whole number"]),
        ("  gamma: 1.0", "  gama: 1.0", ["did you mean gamma"]),
        ("  verifier_function: [", "  verifier_function: 3 # [", ["wrong type", "a list of names"]),
        ("  actor_rollout:\n", "  actor_rollot:\n", ["actor_rollout"]),
    ],
)
def test_a_broken_rlxf_file_is_exit_code_2(old, new, words, configs, doctor):
    path = configs / "rlxf/r1_zero_qwen25_7b_instruct.yaml"
    text = path.read_text()
    assert f"\n{old}" in text
    path.write_text(text.replace(f"\n{old}", f"\n{new}"))
    code, _, err = doctor("--config", path)
    assert code == 2
    assert all(word in err for word in words), err


@pytest.mark.parametrize(
    ("flag", "text", "words"),
    [
        ("--config", None, ["no configuration", "remedy"]),
        ("--config", "", ["not a table", "nothing"]),
        ("--config", "a: 1\n", ["of no kind"]),
        ("--config", b"\xff\xfe: 1", ["UTF-8"]),
        ("--config", "rl_config: &a\n  b: *a\n", ["anchor that holds itself"]),
        ("--config", "rl_config: !!python/name:os.system x\n", ["not readable YAML"]),
        ("--config", "rl_config:\n", ["rl_config is not a table"]),
        ("--config", "actor_rollout_ref:\n  actor_rollout: {model: [1]}\n", ["wrong type"]),
        ("--trl", None, ["no file"]),
        ("--accelerate", "- 1\n", ["not a table"]),
        ("--runtime-env", "env_var:\n  A: 'b'\n", ["did you mean env_vars"]),
        ("--runtime-env", "env_vars: 3\n", ["wrong type"]),
        ("--launch", None, ["not a readable script"]),
        ("--checkpoint", None, ["no checkpoint in"]),
    ],
)
def test_a_missing_or_broken_file_is_exit_code_2(flag, text, words, tmp_path, doctor):
    path = tmp_path / "file.yaml"
    if text is not None:
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
    code, out, err = doctor(flag, path)
    assert (code, out) == (2, "")
    assert all(word in err for word in words), err


def test_a_broken_config_json_and_manifest_are_exit_code_2(tmp_path, doctor):
    (tmp_path / "config.json").write_text("{")
    code, _, err = doctor("--config", "grpo_qwen25_7b", "--model", tmp_path)
    assert (code, "config.json is not JSON" in err) == (2, True)
    (tmp_path / "manifest.json").write_text('{"layout": 3}')
    code, _, err = doctor("--config", "grpo_qwen25_7b", "--checkpoint", tmp_path)
    assert (code, "manifest.json is broken" in err) == (2, True)


def test_a_name_that_is_nearly_one_is_suggested(doctor):
    code, _, err = doctor("--config", "grpo_qwen25_7")
    assert code == 2
    assert "grpo_qwen25_7b" in err


def test_no_heavy_library_is_imported(tmp_path, repo_root):
    (tmp_path / "config.json").write_text('{"num_hidden_layers": 28}')
    script = Path(repo_root, "configs/msrl/launch_multi_node.sh")
    words = ["--config", SEVEN, "--config", "math_17k", "--model", tmp_path, "--launch", script]
    words += ["--trl", Path(repo_root, "configs/trl/countdown_3b.yaml")]
    words += ["--runtime-env", Path(repo_root, "configs/envs/runtime_env.yaml")]
    code = (
        "import sys\n"
        "from mindspeed_rl_ext.cli._dispatch import main\n"
        "code = main(['doctor', *sys.argv[1:]])\n"
        "assert code in (0, 1), code\n"
        "heavy = {'torch', 'transformers', 'trl', 'accelerate', 'ray', 'sympy', 'datasets'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, words)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
