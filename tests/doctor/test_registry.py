"""The declarations of the rules: complete in both languages, in plain words, one per id."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

from mindspeed_rl_ext.core.errors import InputError
from mindspeed_rl_ext.core.language import Text
from mindspeed_rl_ext.core.rules import LEVELS, Place, RuleBook, at
from mindspeed_rl_ext.doctor.rulebook import load_rules

PACKAGE = Path(__file__).resolve().parents[2] / "mindspeed_rl_ext" / "doctor"
CHINESE = re.compile(r"[\u4e00-\u9fff]")
# Words are values only: a path, what another rule found.
ONLY_VALUES = {"libraries-installed", "node-error", "node-warning", "packed-unreadable"}
RULES = {rule.id: rule for rule in load_rules()}


@pytest.mark.parametrize("name", sorted(RULES))
def test_a_rule_has_words_in_both_languages(name):
    english, chinese = RULES[name].words["en"], RULES[name].words["zh"]
    assert RULES[name].level in LEVELS
    assert english.names == chinese.names
    assert bool(english.remedy) == bool(chinese.remedy)
    assert re.fullmatch(r"[\x00-\x7f]*", english.cause + english.remedy)
    if name not in ONLY_VALUES:
        words = re.sub(r"\{\w+\}|Python|mindspeed-rl-ext", "", english.cause)
        assert CHINESE.search(chinese.cause) or not re.search(r"[A-Za-z]{3}", words)


@pytest.mark.parametrize("name", sorted(RULES))
def test_errors_and_warnings_have_a_remedy(name):
    if RULES[name].level in ("error", "warning"):
        assert RULES[name].words["en"].remedy


@pytest.mark.parametrize("name", sorted(RULES))
def test_what_a_rule_looks_at_has_a_name_in_both_languages(name):
    label = RULES[name].on.label
    assert isinstance(label, Text)
    assert label.en


TEXT_MAKERS = {"Text", "rule", "of_rows", "option", "_row"}


def in_text_makers(tree):
    """The nodes inside calls that take texts in both languages, or of names that end in _zh."""
    for node in ast.walk(tree):
        made = isinstance(node, ast.Call) and getattr(node.func, "id", "") in TEXT_MAKERS
        named = isinstance(node, ast.Assign) and any(
            getattr(target, "id", "").endswith("_zh") for target in node.targets
        )
        if made or named:
            yield from map(id, ast.walk(node))


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda p: p.name)
def test_chinese_stands_in_texts_of_both_languages_only(path):
    tree = ast.parse(path.read_text("utf-8"))
    allowed = set(in_text_makers(tree))
    for node in ast.walk(tree):
        # The default of a parameter `..._zh` is one, too.
        if isinstance(node, ast.arguments):
            named = [arg.arg.endswith("_zh") for arg in node.args[-len(node.defaults) :]]
            allowed |= {id(d) for d, zh in zip(node.defaults, named, strict=False) if zh}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            assert not CHINESE.search(node.value) or id(node) in allowed, node.value


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"id": "R9-unknown"}, "lower case"),
        ({"id": "two words"}, "lower case"),
        ({"level": "fatal"}, "level 'fatal'"),
        ({"en": ("{a} is wrong",)}, "a remedy is missing"),
        ({"zh": ("{b} 不对", "改")}, "only one language names a, b"),
    ],
)
def test_a_wrong_declaration_is_refused(changes, words):
    known = {
        "id": "a-rule", "level": "error", "on": str, "en": ("{a} is wrong", "fix it"),
        "zh": ("{a} 不对", "改"), **changes,
    }  # fmt: skip
    with pytest.raises(InputError, match=words):
        RuleBook("rule").rule(known.pop("id"), known.pop("level"), **known)


def test_an_id_belongs_to_one_rule():
    book, words = RuleBook("rule"), {"en": ("a", "b"), "zh": ("甲", "乙")}
    book.rule("a-rule", "error", on=str, **words)
    with pytest.raises(InputError, match="registered twice"):
        book.rule("a-rule", "error", on=str, **words)


def test_a_check_runs_on_what_it_looks_at_and_on_its_subclasses():
    class Wide(str):
        __slots__ = ()

    book = RuleBook("rule")

    @book.rule("a-rule", "note", on=Wide, en=("{x}",), zh=("{x}",))
    def check(subject):
        yield at(Place("here"), x=Text(subject, "中"))

    [found] = book.examine(Wide("w"))
    assert (found.words("en").cause, found.words("zh").cause) == ("w", "中")
    assert not [*book.examine("w")]


def test_values_with_braces_are_left_as_they_are():
    unknown = RULES["reward-unknown-verifier"]
    finding = unknown.at(Place("x"), name="{cause}", nearest="{name}")
    assert "{cause}" in finding.cause
    assert finding.remedy == "{name}"


RULE_FROM_OUTSIDE = """
from mindspeed_rl_ext.core.rules import Place, at
from mindspeed_rl_ext.doctor.readers.environment import Environment
from mindspeed_rl_ext.doctor.rulebook import rule

@rule("home-in-tmp", "warning", on=Environment, en=("HOME is {home}", "set HOME"),
      zh=("HOME 是 {home}", "设置 HOME"))
def home(environment):
    if environment.variables.get("HOME") == "/tmp":
        yield at(Place("HOME"), home="/tmp")
"""


@pytest.fixture
def outside(tmp_path):
    """Runs `msrl-ext doctor` beside a package with a rule; returns its output."""
    (tmp_path / "my_rules.py").write_text(RULE_FROM_OUTSIDE)
    info = tmp_path / "my_rules-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: my-rules\nVersion: 1.0\n")
    entry = "[mindspeed_rl_ext.doctor_rules]\nmine = my_rules\n"
    (info / "entry_points.txt").write_text(entry)

    def run(*words, home="/tmp"):
        code = "import sys; from mindspeed_rl_ext.cli._dispatch import main; sys.exit(main())"
        return subprocess.run(
            [sys.executable, "-c", code, "doctor", *words],
            env={"PYTHONPATH": str(tmp_path), "HOME": home, "PATH": "/usr/bin:/bin"},
            capture_output=True,
            text=True,
            check=False,
        )

    return run


def test_a_rule_of_another_package_runs(outside):
    assert '"home-in-tmp"' in outside("--json").stdout
    assert "设置 HOME" in outside("--lang", "zh").stdout
    assert "home-in-tmp" not in outside("--json", home="/").stdout


def test_a_rule_of_another_package_is_listed_and_in_the_documentation_s_table(
    outside, repo_root, tmp_path
):
    assert "home-in-tmp  warning  [environment] HOME is {home}" in outside("--rules").stdout
    code = (
        f"import sys; sys.path.insert(0, {str(repo_root / 'scripts')!r})\n"
        "from reference.doctor_rules import render\nprint(render('zh', ''))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "| `home-in-tmp` | 警告 | 环境 | HOME 是 {home} | 设置 HOME |" in done.stdout


def test_a_package_of_rules_that_fails_is_named(outside, tmp_path):
    (tmp_path / "my_rules.py").write_text("1 / 0\n")
    done = outside()
    assert done.returncode == 2
    assert "the doctor rules 'mine' of my-rules can't be loaded" in done.stderr
    assert "ZeroDivisionError" in done.stderr
