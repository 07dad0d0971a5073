"""The data page names what exists, in both languages alike."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from mindspeed_rl_ext.cli import _dispatch as cli
from mindspeed_rl_ext.core.options import declared_options
from mindspeed_rl_ext.preprocess.options import PreprocessOptions


@pytest.fixture(params=["en", "zh"])
def page(request: pytest.FixtureRequest, repo_root: Path) -> str:
    return (repo_root / "docs" / request.param / "data.md").read_text(encoding="utf-8")


def test_every_environment_variable_is_named(page: str) -> None:
    named = set(re.findall(r"MSRL_EXT_[A-Z_]+", page))
    assert named == {one.variable for one in declared_options(PreprocessOptions).values()} - {""}


def test_every_command_and_flag_exists(page: str, capsys: pytest.CaptureFixture[str]) -> None:
    commands = set(re.findall(r"msrl-ext ([a-z]+)", page))
    assert {"preprocess", "preview", "doctor", "merge", "strip"} == commands
    shown = ""
    for command in sorted(commands):
        with pytest.raises(SystemExit):
            cli.main([command, "--help"])
        shown += capsys.readouterr().out
    for flag in re.findall(r"(?<![\w-])--[a-z][a-z-]+", page):
        assert flag in shown, flag


def test_both_languages_have_the_same_sections_and_code(repo_root: Path) -> None:
    pages = [
        (repo_root / "docs" / lang / "data.md").read_text(encoding="utf-8") for lang in ("en", "zh")
    ]
    numbers = [re.findall(r"^## (\d)\.", page, re.MULTILINE) for page in pages]
    assert numbers[0] == numbers[1] == list("12345678")
    code = [re.findall(r"^msrl-ext .*?(?=\s*#|$)", page, re.MULTILINE) for page in pages]
    assert code[0] == code[1]
