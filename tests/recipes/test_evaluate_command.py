"""`msrl-ext evaluate` as its users call it: results, files, wrong usage, what it imports."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

from mindspeed_rl_ext.cli import _dispatch as cli
from mindspeed_rl_ext.core.responses.rollouts import read_rollouts

MATH = [
    {"problem": "1+1?", "solution": "", "answer": "2", "subject": "Algebra", "level": 1},
    {"problem": "1+2?", "solution": "", "answer": "3", "subject": "Algebra", "level": 2},
    {"problem": "A half?", "solution": "", "answer": "\\frac12", "subject": "Geometry", "level": 2},
]
GSM = [{"question": "How many?", "answer": "6*3\n#### 18"}]
MADE = [
    {"benchmark": "math500", "index": 0, "responses": [r"\boxed{2}", r"\boxed{2.0}"]},
    {"benchmark": "math500", "index": 1, "responses": [r"\boxed{4}", "The answer is 3."]},
    {"benchmark": "math500", "index": 2, "responses": [r"\boxed{0.5}", "no idea"]},
    {"benchmark": "gsm8k", "index": 0, "responses": [r"\boxed{18}", r"\boxed{18}"]},
]


def lines(path: Path, rows: list[dict]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


@pytest.fixture
def data(tmp_path: Path) -> Path:
    lines(tmp_path / "data" / "math500" / "test.jsonl", MATH)
    lines(tmp_path / "data" / "gsm8k" / "test.jsonl", GSM)
    return tmp_path / "data"


def arguments(data: Path, *more: str, rows: list[dict] = MADE, benchmark="math500,gsm8k"):
    made = lines(data.parent / "made.jsonl", rows)
    words = ["evaluate", "--benchmark", benchmark, "--data-dir", str(data)]
    words += ["--backend", "jsonl", "--responses", str(made)]
    return [*words, "--output", str(data.parent / "out"), *more]


def test_figures_files_and_table(data, capsys):
    assert cli.main(arguments(data, "--step", "7")) == 0
    shown = capsys.readouterr().out
    out = data.parent / "out"
    summary = json.loads((out / "summary.json").read_text())
    math = summary["benchmarks"]["math500"]
    assert math["classes"] == {"format_and_answer": 3, "format_only": 1, "neither": 2}
    assert math["strict"]["avg@2"]["value"] == pytest.approx((1 + 0 + 0.5) / 3)
    assert math["lenient"]["pass@1"]["value"] == pytest.approx((1 + 0.5 + 0.5) / 3)
    assert math["strict"]["pass@2"]["value"] == pytest.approx(2 / 3)
    assert math["strict"]["maj@2"]["value"] == pytest.approx(2 / 3)
    assert math["by"]["level"]["2"]["classes"]["format_and_answer"] == 1
    assert [row["id"] for row in math["disagreements"]["lenient_only"]] == ["math500/1-1"]
    assert summary["mean_pass@1"]["strict"] == pytest.approx((0.5 + 1) / 2)
    assert "math500 has 3 rows; the published file has 500" in shown
    assert "by subject" in shown
    assert "maj@2" in shown
    rollouts = list(read_rollouts(out / "rollouts.jsonl"))
    assert [r.id for r in rollouts[:2]] == ["math500/0-0", "math500/0-1"]
    assert {r.group for r in rollouts} == {"math500/0", "math500/1", "math500/2", "gsm8k/0"}
    assert rollouts[0].extra["class"] == "format_and_answer"
    assert rollouts[0].step == 7
    assert rollouts[0].prompt.endswith("1+1?<|im_end|>\n<|im_start|>assistant\n")
    metrics = json.loads((out / "metrics.jsonl").read_text())
    assert metrics["step"] == 7
    assert metrics["eval/gsm8k/strict/pass@1"] == 1.0


def test_json_goes_to_standard_output_alone(data, capsys):
    assert cli.main(arguments(data, "--json")) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed == json.loads((data.parent / "out" / "summary.json").read_text())


def test_score_reads_the_rollouts_and_they_can_be_graded_again(data, capsys):
    assert cli.main(arguments(data)) == 0
    rollouts = data.parent / "out" / "rollouts.jsonl"
    assert cli.main(["score", "--input", str(rollouts), "--verifier", "simplerl"]) == 0
    again = arguments(data)
    again[again.index("--responses") + 1] = str(rollouts)
    again[again.index("--output") + 1] = str(data.parent / "again")
    assert cli.main(again) == 0
    first, second = (
        json.loads((data.parent / name / "summary.json").read_text())["benchmarks"]
        for name in ("out", "again")
    )
    assert first == second
    capsys.readouterr()


def test_report_reads_the_output(data, capsys):
    pytest.importorskip("matplotlib", reason="the report draws with matplotlib")
    assert cli.main(arguments(data)) == 0
    assert cli.main(["report", str(data.parent / "out")]) == 0
    capsys.readouterr()


def test_problems_without_a_response_are_left_out_named_and_exit_1(data, capsys):
    rows = [*MADE[1:], {"benchmark": "gsm8k", "index": 5, "response": "x"}, MADE[-1]]
    assert cli.main(arguments(data, rows=rows)) == 1
    shown = capsys.readouterr().out
    assert "missing: 1 problems" in shown
    assert "math500/0" in shown
    assert "extra: 1 rows" in shown
    assert "duplicates: 1 rows" in shown


def test_different_numbers_of_responses_are_said_and_the_smallest_is_k(data, capsys):
    rows = [MADE[0] | {"responses": [r"\boxed{2}", r"\boxed{1}", r"\boxed{1}"]}, *MADE[1:]]
    assert cli.main(arguments(data, rows=rows)) == 0
    assert "problems have 2 to 3 responses: k is the smallest" in capsys.readouterr().out
    summary = json.loads((data.parent / "out" / "summary.json").read_text())
    strict = summary["benchmarks"]["math500"]["strict"]
    assert set(strict) == {"pass@1", "pass@2", "avg@2", "maj@2"}
    assert strict["pass@1"]["value"] == pytest.approx((1 / 3 + 0 + 0.5) / 3)
    assert strict["avg@2"]["value"] == pytest.approx((0.5 + 0 + 0.5) / 3)


def test_a_benchmark_without_any_response_has_no_figures(data, capsys):
    assert cli.main(arguments(data, rows=MADE[:3])) == 1
    summary = json.loads((data.parent / "out" / "summary.json").read_text())
    assert "strict" not in summary["benchmarks"]["gsm8k"]
    assert "missing: 1 problems" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("more", "printed"),
    [
        (("--prompt-type", "qwen_mat_r1"), "qwen_math_r1"),
        (("--verifier", "simplrl"), "simplerl"),
        (("--lenient-verifier", "nothing"), "unknown verifier"),
        (("--limit", "0"), "limit must be at least 1"),
        (("--resume",), "generates nothing"),
        (("--prompt-type", "tokenizer"), "chat template of a model"),
        (("--import", "no_such_module_of_mine"), "cannot be imported"),
        (("--benchmark", "aime"), "aime24"),
        (("--data-dir", "nowhere"), "no such directory"),
        (("--responses", "nowhere.jsonl"), "no such file"),
        (("--backend", "hf"), "--model DIR"),
        (("--backend", "vllm", "--model", "nowhere"), "nowhere"),
        (("--n", "0"), "n is not positive"),
        (("--n", "2"), "the same response"),
        (("--temperature", "-1"), "out of range"),
        (("--temperature", "nan"), "out of range"),
        (("--top-p", "0"), "out of range"),
        (("--max-tokens", "0"), "not positive"),
    ],
)
def test_wrong_usage_is_exit_2_with_what_is_wrong(data, capsys, more, printed):
    assert cli.main(arguments(data, *more)) == 2
    assert printed in capsys.readouterr().err
    assert not (data.parent / "out").exists()


def test_flags_without_effect_say_so(data, caplog):
    assert cli.main(arguments(data, "--seed", "3", "--device", "cpu")) == 0
    assert "--seed has no effect with the backend jsonl" in caplog.text
    assert "--device has no effect with the backend jsonl" in caplog.text


def test_an_earlier_evaluation_is_not_replaced_unasked(data, capsys):
    assert cli.main(arguments(data)) == 0
    assert cli.main(arguments(data)) == 2
    assert "holds an earlier evaluation" in capsys.readouterr().err
    assert cli.main(arguments(data, "--overwrite")) == 0


def test_the_directory_of_the_responses_is_not_written_to(data, capsys):
    words = arguments(data, "--overwrite")
    words[words.index("--output") + 1] = str(data.parent)
    assert cli.main(words) == 2
    assert "is the directory of the responses" in capsys.readouterr().err
    assert (data.parent / "made.jsonl").is_file()


def test_an_output_that_is_a_file_is_refused(data, capsys):
    (data.parent / "out").write_text("mine")
    assert cli.main(arguments(data)) in (2, 3)
    assert (data.parent / "out").read_text() == "mine"
    capsys.readouterr()


def test_a_verifier_of_the_users_own_is_used(data, capsys, monkeypatch):
    (data.parent / "my_eval_verifiers.py").write_text(
        "from mindspeed_rl_ext.verifiers import Outcome, Verdict, verifier\n\n\n"
        "@verifier('my_eval_strict', needs=('answer',), levels=(1.0, 0.0))\n"
        "def my_eval_strict(response, *, answer):\n"
        '    """All are right."""\n'
        "    return Verdict(Outcome.CORRECT, 1.0)\n"
    )
    monkeypatch.chdir(data.parent)
    monkeypatch.syspath_prepend(str(data.parent))
    flags = ("--import", "my_eval_verifiers", "--verifier", "my_eval_strict")
    assert cli.main(arguments(data, *flags)) == 0
    summary = json.loads((data.parent / "out" / "summary.json").read_text())
    assert summary["mean_pass@1"]["strict"] == 1.0
    capsys.readouterr()


def test_grading_recorded_responses_imports_no_framework_and_no_executor(data):
    words = arguments(data)
    code = (
        "import sys; from mindspeed_rl_ext.cli import _dispatch as cli; "
        f"assert cli.main({words!r}) == 0; "
        "print(*sys.modules, file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    tops = {name.split(".")[0] for name in done.stderr.split()}
    assert not tops & {"torch", "transformers", "vllm", "ray", "trl"}
    assert not {n for n in tops if "executor" in n or "sandbox" in n or n in ("IPython", "jupyter")}


def test_nothing_in_the_evaluation_can_execute_a_response(repo_root):
    """No tool execution: neither built-ins that run text nor modules that start programs."""
    folder = repo_root / "mindspeed_rl_ext" / "recipes" / "evaluation"
    for path in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                assert node.func.id not in {"eval", "exec", "compile", "__import__"}, path
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            for name in names:
                forbidden = {"subprocess", "multiprocessing", "runpy", "code", "codeop", "pty"}
                assert name.split(".")[0] not in forbidden, f"{path} imports {name}"
