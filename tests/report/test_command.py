from __future__ import annotations

import doctest
import importlib
import json
from pathlib import Path

import pytest

import mindspeed_rl_ext.report as room
from mindspeed_rl_ext.cli._dispatch import main
from mindspeed_rl_ext.core.responses.metrics import MetricsRow, append_metrics

PACKAGE = Path(room.__file__).parent
EXAMPLES = [
    ".".join(("mindspeed_rl_ext", "report", *p.relative_to(PACKAGE).with_suffix("").parts))
    for p in sorted(PACKAGE.rglob("*.py"))
    if ">>>" in p.read_text("utf-8")
]


@pytest.mark.parametrize("name", EXAMPLES)
def test_examples_in_docstrings_run(name):
    found = doctest.testmod(importlib.import_module(name))
    assert found.attempted
    assert not found.failed


def test_the_command_prints_the_diagnosis_and_what_it_wrote(run_dir, tmp_path, capsys):
    out = tmp_path / "out"
    assert main(["report", str(run_dir), "-o", str(out), "--title", "T", "--lang", "en"]) == 0
    printed = capsys.readouterr().out
    assert "steps: 30 (1 - 30)" in printed
    assert "metrics.jsonl (metrics, 30 rows)" in printed
    assert "[broken] NaN or infinity" in printed
    assert str(out / "report.html") in printed.splitlines()
    assert "<h1>T</h1>" in (out / "report.html").read_text("utf-8")


def test_json_is_readable_and_has_no_nan(run_dir, tmp_path, capsys):
    code = main(["report", str(run_dir), "-o", str(tmp_path), "--json", "--lang", "zh"])
    assert code == 0
    text = capsys.readouterr().out
    found = json.loads(text, parse_constant=lambda name: pytest.fail(name))
    assert {one["rule"] for one in found["findings"]} >= {"not_finite", "entropy_not_logged"}
    assert found["steps"] == {"first": 1, "last": 30, "logged": 30}
    assert found["metrics"]["grad_norm"]["not_finite"] == 1
    assert found["files"][0]["broken_lines"] == 0
    assert all(one["title"] and one["causes"] and one["remedies"] for one in found["findings"])


def test_sizes_and_a3_come_from_flags(tmp_path, capsys):
    values = {
        **{"response_length/mean": 300.0, "prompt_length/mean": 100.0, "timing/all": 100.0},
        **{"e2e_tps": 64.0, "grpo/score/mean": 0.5},
    }
    for step in (1, 2, 3):
        append_metrics(tmp_path / "metrics.jsonl", MetricsRow(step, values))
    flags = ["--global-batch-size", "32", "--n-samples-per-prompt", "8", "--world-size", "16"]
    flags += ["--model", "deepseek-r1-671b"]
    assert main(["report", str(tmp_path), "--json", "--a3", *flags]) == 0
    (e2e,) = json.loads(capsys.readouterr().out)["throughput"]
    assert (e2e["matches"], e2e["mismatches"], e2e["a_card"]) == ("mean", 0, 128.0)
    page = (tmp_path / "report.html").read_text("utf-8")
    assert "DeepSeek-R1-671B" in page
    assert "Qwen2.5-32B" not in page
    assert main(["report", str(tmp_path), "--a3", *flags[:-2]]) == 0
    assert "DeepSeek-R1-671B" not in (tmp_path / "report.html").read_text("utf-8")


@pytest.mark.parametrize("flag", ["0", "-1", "x", "nan", "inf"])
def test_a_size_that_is_none_is_refused(run_dir, flag, capsys):
    assert main(["report", str(run_dir), "--world-size", flag]) == 2
    assert "not a number above 0" in capsys.readouterr().err


def test_the_language_is_that_of_the_environment(run_dir, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("LC_ALL", "zh_CN.UTF-8")
    assert main(["report", str(run_dir), "-o", str(tmp_path)]) == 0
    assert "诊断" in capsys.readouterr().out


def test_the_command_refuses_what_is_no_run(tmp_path, capsys):
    assert main(["report", str(tmp_path)]) == 2
    assert "holds no log of a run" in capsys.readouterr().err


@pytest.mark.parametrize("below", ["", "a", "a/b"])
def test_a_file_in_the_place_of_the_output_is_named(run_dir, tmp_path, capsys, below):
    file = tmp_path / "out"
    file.write_text("x")
    assert main(["report", str(run_dir), "-o", str(file / below)]) == 2
    assert file.read_text() == "x"
    printed = capsys.readouterr().err
    assert f"found:    {file} is a file" in printed
    assert "expected:" in printed
    assert "remedy:" in printed
    assert "Errno" not in printed


NAN_RUN = {"grpo/rewards/mean": 0.5, "grad_norm": float("nan"), "actor/entropy": float("inf")}


@pytest.mark.parametrize("entropy", [float("inf"), 0.0])
@pytest.mark.parametrize("flags", [["--lang", "en"], ["--lang", "zh"], ["--json"]])
def test_a_metric_that_is_never_finite_is_not_taken_for_one_not_logged(
    tmp_path, capsys, flags, entropy
):
    for step in range(1, 10):
        row = MetricsRow(step, {**NAN_RUN, "actor/entropy": entropy})
        append_metrics(tmp_path / "metrics.jsonl", row)
    assert main(["report", str(tmp_path), *flags]) == 0
    printed = capsys.readouterr().out
    if flags == ["--json"]:
        assert json.loads(printed)["metrics"]["grad_norm"]["not_finite"] == 9
        return
    never = {"en": "never finite", "zh": "从未有限"}[flags[1]]
    constant = {"en": "constant 0", "zh": "恒为 0"}[flags[1]]
    lines = {line.split()[0]: line for line in printed.splitlines() if line[:1].strip()}
    assert never in lines["grad_norm"]
    assert constant not in lines["grad_norm"]
    assert (never in lines["actor/entropy"]) == (entropy != 0)
    assert (constant in lines["actor/entropy"]) == (entropy == 0)
    page = (tmp_path / "report.html").read_text("utf-8")
    # Once in the chart and once in the table for each; once in the tile of the entropy.
    assert page.count(never) == 2 + 3 * (entropy != 0)
    assert page.count(constant) == 3 * (entropy == 0)
