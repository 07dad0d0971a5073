"""The two pages: in step, every finding and every verifier named, every flag there."""

from __future__ import annotations

import argparse
import re
from pathlib import Path

import pytest

from mindspeed_rl_ext.cli import doctor as command
from mindspeed_rl_ext.doctor.texts import TEXTS
from mindspeed_rl_ext.doctor.verifier_table import RL_VERIFIERS

DOCS = Path(__file__).resolve().parents[2] / "docs"
LANGUAGES = ("en", "zh")


def page(language: str) -> str:
    return (DOCS / language / "doctor.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_finding_is_listed_with_its_words(language):
    text = page(language)
    for name, row in TEXTS.items():
        cause = row.words(language)[0].replace("|", "\\|")
        assert re.search(
            rf"^\| `{re.escape(name)}` \| \S+ \| {re.escape(cause)} \|$", text, re.M
        ), name


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_verifier_of_the_host_and_every_flag_is_there(language):
    text = page(language)
    assert all(f"| `{name}` |" in text for name in RL_VERIFIERS)
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
