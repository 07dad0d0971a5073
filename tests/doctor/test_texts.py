"""The tables of texts: complete in both languages, said by some check, tested by some case."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from mindspeed_rl_ext.doctor.finding import LEVELS, Finding, Place
from mindspeed_rl_ext.doctor.texts import TEXTS, TOPICS, language_of

HERE = Path(__file__).parent
ROOM = Path(__file__).resolve().parents[2] / "mindspeed_rl_ext" / "doctor"
CHINESE = re.compile(r"[\u4e00-\u9fff]")
# Said with values only: a path, what another text said.
ONLY_VALUES = {"E-libraries", "N-finding", "N-warning", "R13-unreadable"}


def names(text):
    return set(re.findall(r"\{(\w+)\}", text))


def same(english, chinese):
    return {name.removesuffix("_zh") for name in names(chinese)} == names(english)


@pytest.mark.parametrize("name", sorted(TEXTS))
def test_a_text_says_the_same_in_both_languages(name):
    text = TEXTS[name]
    assert text.level in LEVELS
    assert same(text.cause, text.cause_zh), name
    assert names(text.remedy_zh) <= {f"{n}_zh" for n in names(text.remedy)} | names(text.remedy)
    assert bool(text.remedy) == bool(text.remedy_zh)
    assert not CHINESE.search(text.cause + text.remedy)
    if name not in ONLY_VALUES and not re.fullmatch(r"[\x00-\x7f]*", text.cause):
        raise AssertionError(f"{name}: not plain English")
    if name not in ONLY_VALUES:
        words = re.sub(r"\{\w+\}|Python|mindspeed-rl-ext", "", text.cause)
        assert CHINESE.search(text.cause_zh) or not re.search(r"[A-Za-z]{3}", words), name


@pytest.mark.parametrize("name", sorted(TEXTS))
def test_errors_and_warnings_have_a_remedy(name):
    if TEXTS[name].level in ("error", "warning"):
        assert TEXTS[name].remedy


def test_the_tables_share_no_id():
    from importlib import import_module

    tables = [import_module(f"mindspeed_rl_ext.doctor.texts.{topic}").TEXTS for topic in TOPICS]
    assert sum(map(len, tables)) == len(TEXTS)
    assert set(TOPICS) == {p.stem for p in (ROOM / "texts").glob("*.py")} - {"__init__", "text"}


def test_every_text_is_said_by_a_check_and_every_id_has_a_text():
    source = "\n".join(p.read_text("utf-8") for p in ROOM.rglob("*.py") if p.parent.name != "texts")
    said = set(re.findall(r'"((?:[A-Z]\d*|R\d+|S\d)-[\w-]+|R15|I\d+|S\d-\d+)"', source))
    made = {name for name in TEXTS if name.startswith("R13-")}  # R13-{kind}
    assert set(TEXTS) - made <= said
    assert {name for name in said if name in TEXTS or name.split("-")[0] in PREFIXES} <= set(TEXTS)


PREFIXES = {name.split("-")[0] for name in TEXTS if "-" in name} - {"S0", "S1", "S2", "S3", "S4"}


def test_every_text_occurs_in_a_test():
    tests = "\n".join(p.read_text("utf-8") for p in HERE.glob("test_*.py"))
    # The checks of the environment and the activation are tested by what they say.
    elsewhere = {name for name in TEXTS if name[:2] in ("A-", "E-") or name.startswith("R13-")}
    assert not {n for n in TEXTS if f'"{n}"' not in tests} - elsewhere


@pytest.mark.parametrize(
    ("asked", "variables", "language"),
    [
        (None, {}, "en"),
        (None, {"LANG": "zh_CN.UTF-8"}, "zh"),
        (None, {"LANG": "zh_CN.UTF-8", "LC_ALL": "C"}, "en"),
        (None, {"LANG": "de_DE.UTF-8", "LC_ALL": ""}, "en"),
        ("en", {"LANG": "zh_CN.UTF-8"}, "en"),
        ("zh", {}, "zh"),
    ],
)
def test_the_language_is_what_was_asked_or_the_locale(asked, variables, language):
    assert language_of(asked, variables) == language


def test_values_with_braces_are_left_as_they_are():
    finding = Finding("R9-unknown", Place("x"), {"name": "{cause}", "nearest": "{name}"})
    assert "{cause}" in finding.cause
    assert finding.remedy == "{name}"
