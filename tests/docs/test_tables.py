"""The tables of the documentation are those that the package's declarations give."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from mindspeed_rl_ext.core.errors import InputError

LANGUAGES = ("en", "zh")


def test_the_committed_tables_are_up_to_date(repo_root):
    # In a process of its own: other tests register verifiers and rules in this one.
    command = [sys.executable, str(repo_root / "scripts" / "docs.py"), "--check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_table_that_was_edited_by_hand_is_found(docs, tmp_path, monkeypatch, capsys, repo_root):
    page = tmp_path / "docs" / "en" / "reference" / "models.md"
    page.parent.mkdir(parents=True)
    text = (repo_root / "docs" / "en" / "reference" / "models.md").read_text(encoding="utf-8")
    page.write_text(text.replace("`qwen2`", "`qwen9`"), encoding="utf-8")
    monkeypatch.setattr(docs, "ROOT", tmp_path)
    assert docs.main(["--check"]) == 1
    assert "-| `qwen9`" in capsys.readouterr().out
    assert "`qwen9`" in page.read_text(encoding="utf-8")  # a check writes nothing
    assert docs.main([]) == 0
    assert page.read_text(encoding="utf-8") == text


def test_an_unknown_table_and_one_without_an_end_are_errors(docs):
    with pytest.raises(InputError, match="unknown table") as error:
        docs.filled("<!-- table: modles -->\n<!-- table end -->\n", "en", "a.md")
    assert "models" in str(error.value)
    with pytest.raises(InputError, match="has no end"):
        docs.filled("<!-- table: models -->\n| a |\n", "en", "a.md")
    with pytest.raises(InputError, match="has no end"):
        docs.filled("<!-- table: models -->\n<!-- table: models -->\n", "en", "a.md")


def test_every_table_stands_in_both_languages_or_in_none(docs, repo_root: Path):
    def tables(language: str) -> list[str]:
        found = []
        for page in sorted((repo_root / "docs" / language).rglob("*.md")):
            begins = filter(None, map(docs.BEGIN.match, page.read_text("utf-8").splitlines()))
            inner = page.relative_to(repo_root / "docs" / language)
            found += [f"{inner}: {begin.group()}" for begin in begins]
        return found

    assert tables("en") == tables("zh")


def test_every_table_is_shown_somewhere(docs, repo_root: Path):
    shown = {
        begin["name"]
        for page in docs.pages(repo_root)
        for begin in filter(None, map(docs.BEGIN.match, page.read_text("utf-8").splitlines()))
    }
    assert shown == set(docs.table_names())


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_row_of_a_table_has_more_or_fewer_cells_than_its_head(docs, language):
    for name in docs.table_names():
        for block in docs.table(name, "", language, "a page").split("\n\n"):
            rows = [line for line in block.splitlines() if line.startswith("|")]
            counts = {row.replace("\\|", "").count("|") for row in rows}
            assert len(counts) <= 1, (name, counts)
