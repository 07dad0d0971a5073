"""The page on evaluation: its first example runs as it stands, its flags exist, both languages."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from mindspeed_rl_ext.cli import _dispatch as cli
from mindspeed_rl_ext.recipes.evaluation.journal import FILES
from mindspeed_rl_ext.recipes.evaluation.problems.benchmarks import BENCHMARKS


@pytest.fixture(params=["en", "zh"])
def page(request: pytest.FixtureRequest, repo_root: Path) -> str:
    return (repo_root / "docs" / request.param / "evaluate.md").read_text(encoding="utf-8")


def blocks(page: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", page, re.DOTALL)


def test_the_first_example_and_the_last_run_as_they_stand(repo_root, tmp_path, monkeypatch, capsys):
    pytest.importorskip("transformers", reason="the example makes a model")
    page = (repo_root / "docs" / "en" / "evaluate.md").read_text(encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    python = blocks(page, "python")
    exec(compile(python[0], "evaluate.md", "exec"), {})
    command = blocks(page, "bash")[0].split()
    assert command[:2] == ["msrl-ext", "evaluate"]
    assert cli.main(command[1:]) == 0
    assert "gsm8k has 2 rows; the published file has 1319" in capsys.readouterr().out
    exec(compile(python[-1], "evaluate.md", "exec"), {})
    assert capsys.readouterr().out.strip()


def test_rows_of_responses_are_read_as_shown(page, tmp_path, capsys):
    rows = tmp_path / "data" / "gsm8k" / "test.jsonl"
    rows.parent.mkdir(parents=True)
    rows.write_text('{"question": "?", "answer": "#### 18"}\n')
    (tmp_path / "made.jsonl").write_text(blocks(page, "json")[0])
    words = ["evaluate", "--benchmark", "gsm8k", "--data-dir", str(tmp_path / "data")]
    words += ["--backend", "jsonl", "--responses", str(tmp_path / "made.jsonl")]
    assert cli.main([*words, "--output", str(tmp_path / "out")]) == 0
    assert "CORRECT 2, WRONG 1" in capsys.readouterr().out


def test_every_flag_benchmark_and_file_is_what_exists(page, capsys):
    with pytest.raises(SystemExit):
        cli.main(["evaluate", "--help"])
    shown = capsys.readouterr().out
    for flag in set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", page)):
        assert flag in shown, flag
    for name, benchmark in BENCHMARKS.items():
        assert f"`{name}`" in page
        assert str(benchmark.rows) in page
    assert all(f"`{name}`" in page for name in FILES)


def test_both_languages_have_the_same_sections_and_code(repo_root):
    pages = [
        (repo_root / "docs" / lang / "evaluate.md").read_text(encoding="utf-8")
        for lang in ("en", "zh")
    ]
    sections = [re.findall(r"^## (\d)\.", page, re.MULTILINE) for page in pages]
    assert sections[0] == sections[1] == list("123456")
    for language in ("bash", "python", "json"):
        assert blocks(pages[0], language) == blocks(pages[1], language)
