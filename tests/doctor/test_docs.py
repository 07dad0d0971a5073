"""The two pages: in step, every flag there; `scripts/docs.py --check` compares their tables."""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest

from mindspeed_rl_ext.cli import doctor as command

DOCS = Path(__file__).resolve().parents[2] / "docs"
LANGUAGES = ("en", "zh")


def page(language: str) -> str:
    return (DOCS / language / "doctor.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_flag_is_there(language):
    text = page(language)
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    for action in parser._actions:
        assert any(
            f"{flag}" in text for flag in action.option_strings if flag.startswith("--")
        ) or (action.dest == "help")


def test_the_pages_have_the_same_shape():
    english, chinese = page("en").splitlines(), page("zh").splitlines()

    def shape(rows):
        return [row[: row.index(" ")] for row in rows if row.startswith("#")]

    assert shape(english) == shape(chinese)
    assert sum(row.startswith("|") for row in english) == sum(r.startswith("|") for r in chinese)
