"""Messages in Chinese: nothing a user reads is without its twin, and the right twin is found."""

from __future__ import annotations

import ast
import importlib.util
import re
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mindspeed_rl_ext.core.catalog import translate, translate_lines
from mindspeed_rl_ext.core.catalog.translation import Template, entries
from mindspeed_rl_ext.core.errors import InputError, MissingExtraError

ROOT = Path(__file__).resolve().parents[2]
ENTRIES = list(entries("zh"))
VALUE = re.compile(r"\{(\w+)(:message)?\}")
CHINESE = re.compile("[一-鿿]")


@pytest.fixture(scope="module")
def program():
    spec = importlib.util.spec_from_file_location("messages", ROOT / "scripts" / "messages.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules["messages"] = module
    spec.loader.exec_module(module)
    yield module
    sys.modules.pop("messages")


def filled(template: str) -> str:
    return VALUE.sub(lambda match: f"<{match[1].upper()}>", template)


def test_every_message_has_its_chinese(program):
    assert program.without_twin("zh") == []


def test_the_scan_finds_texts_in_every_place_where_an_error_takes_them(program, tmp_path):
    tree = ast.parse(
        "REMEDY = 'a constant'\n"
        "def f(a):\n"
        "    raise InputError(f'no {a}', found='some ' 'text',\n"
        "                     expected='one' if a else f'two {a.b}', remedy=REMEDY)\n"
        "def g():\n"
        "    log.warning('%s of %d', 1, 2)\n"
        "    show(f'  first {x}\\nsecond')\n"
        "    print('data')\n"
    )
    found = [program.blanked(one.template) for one in program._messages_of(tree, "f.py")]
    assert found == [
        *("no {}", "some text", "one", "two {}", "a constant"),
        *("{} of {}", "first {}", "second"),
    ]


def test_no_entry_is_left_over_from_a_message_that_went(program):
    texts = set()
    for path in (ROOT / "mindspeed_rl_ext").rglob("*.py"):
        if "catalog" in path.parts:
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant | ast.JoinedStr):
                for text in program._templates(node, {}):
                    texts |= {program.blanked(line.strip()) for line in [text, *text.split("\n")]}
    left = [english for english, _ in ENTRIES if program.blanked(english.strip()) not in texts]
    assert left == []


def test_a_template_stands_in_one_table_only(program):
    keys = [program.blanked(english) for english, _ in ENTRIES]
    assert sorted(key for key in set(keys) if keys.count(key) > 1) == []


def faults_of(english: str, chinese: str) -> list[str]:
    names = [name for name, _ in VALUE.findall(english)]
    checks = {
        "two values have one name": len(names) == len(set(names)),
        "the values differ": set(names) == {name for name, _ in VALUE.findall(chinese)},
        "two values touch": "}{" not in VALUE.sub("{}", english),
        "it is not Chinese": CHINESE.search(chinese) or chinese == english,
        "another twin is found": translate(filled(english), "zh") == filled(chinese),
    }
    return [f"{english}: {fault}" for fault, holds in checks.items() if not holds]


def test_both_languages_have_the_same_values_and_each_message_finds_its_twin():
    assert [fault for pair in ENTRIES for fault in faults_of(*pair)] == []


@given(
    st.text(alphabet="abc/._-'\" 中文", min_size=1), st.text(alphabet="xyz0123456789", min_size=1)
)
def test_values_come_back_whatever_they_hold(path, key):
    assert Template("{path} has no key <{key}>").values_of(f"{path} has no key <{key}>") == {
        "path": path,
        "key": key,
    }


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("no file {path}", "no files a"),
        ("{a} and {b}", "a or b"),
        ("a{x}a", "a"),
        ("plain", "plainer"),
    ],
)
def test_a_text_that_is_not_of_the_template_has_no_values(template, text):
    assert Template(template).values_of(text) is None


def test_a_text_as_long_as_data_is_no_message():
    text = "no file a and b before c, at least d has no e of f in g; " * 20_000
    assert translate(text, "zh") == text


def test_an_error_is_english_unless_another_language_is_asked():
    error = InputError("no such file: /data/x", found="nothing", remedy="check the path")
    assert str(error).splitlines() == [
        "no such file: /data/x",
        "  found:    nothing",
        "  remedy:   check the path",
    ]
    assert error.in_language("zh").splitlines() == [
        "没有这个文件：/data/x",
        "  实际：无",
        "  建议：检查路径",
    ]


def test_a_message_within_a_message_is_translated_too():
    error = MissingExtraError("torch", "train", "the quickstart")
    assert error.in_language("zh").splitlines()[0] == "quickstart 流程需要 torch"


def test_a_text_without_a_twin_stays_as_it_is():
    assert translate("an error of another library", "zh") == "an error of another library"


@pytest.mark.parametrize(
    "text",
    [
        "Expecting value before the end and nothing else",
        "no space is left and the disk has no room in the folder",
        "Chinese and German are languages",
    ],
)
def test_a_sentence_of_another_library_is_not_taken_for_a_short_template(text):
    assert translate(text, "zh") == text


def test_lines_are_translated_one_by_one_with_their_indent():
    text = "  no file a.txt\nshown as it is\n\n  no file b.txt"
    assert translate_lines(text, "zh") == "  没有文件 a.txt\nshown as it is\n\n  没有文件 b.txt"
    assert translate_lines(text, "en") == text
