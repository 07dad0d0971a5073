"""Options: one declaration, and everything that is derived from it."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from mindspeed_rl_ext.core.errors import InputError
from mindspeed_rl_ext.core.options import (
    add_options,
    build_options,
    check_options,
    describe_options,
    flags_of,
    from_json,
    given_options,
    identity_of,
    option,
    read_environment,
    to_json,
)


@dataclass(frozen=True)
class Options:
    """Options of every type."""

    source: Path = option("what to read", "要读取的文件", environment=True)
    limit: int | None = option("rows", "行数", default=None, minimum=1, environment=True)
    rate: float = option("rate", "比例", default=0.5)
    dry: bool = option("write nothing", "不写文件", default=False, identity=False, environment=True)
    keys: tuple[str, ...] = option("columns", "列名", default=())
    table: Mapping[str, Any] | None = option("columns by role", "列映射", default=None)
    how: str = option("way", "方式", default="a", choices=("a", "b"))

    def __post_init__(self) -> None:
        check_options(self)


def parsed(*words: str) -> Options:
    parser = argparse.ArgumentParser()
    add_options(parser, Options)
    return build_options(
        Options, ("command line", given_options(Options, parser.parse_args(words)))
    )


def test_flags_give_values_of_the_declared_types():
    words = [
        "--source",
        "f",
        "--limit",
        "3",
        "--rate",
        "1",
        "--dry",
        "--keys",
        "x",
        "y",
        "--how",
        "b",
    ]
    assert parsed(*words, "--table", '{"a": 1}') == Options(
        Path("f"), 3, 1.0, True, ("x", "y"), {"a": 1}, "b"
    )


def test_a_later_layer_wins_and_what_nobody_names_keeps_its_default():
    layers = [("file", {"source": "a", "limit": 2}), ("command line", {"limit": 4})]
    assert build_options(Options, *layers) == Options(Path("a"), 4)


def test_variables_are_read_only_where_the_option_declares_one():
    table = {"MSRL_EXT_LIMIT": "7", "MSRL_EXT_DRY": "yes", "MSRL_EXT_RATE": "0.1"}
    assert read_environment(Options, table) == {"limit": 7, "dry": True}


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"source": "a", "limt": 1}, ["file has an unknown key 'limt'", "did you mean limit"]),
        ({"limit": 1}, ["missing --source"]),
        ({"source": "a", "limit": 0}, ["limit must be at least 1", "0"]),
        ({"source": "a", "limit": True}, ["file: limit", "a whole number"]),
        ({"source": "a", "how": "c"}, ["unknown how 'c'", "a or b"]),
    ],
)
def test_a_wrong_value_is_an_error_that_names_it(values, words):
    with pytest.raises(InputError) as caught:
        build_options(Options, ("file", values))
    assert all(word in str(caught.value) for word in words)


def test_a_variable_that_cannot_be_read_is_named():
    with pytest.raises(InputError, match="MSRL_EXT_LIMIT"):
        read_environment(Options, {"MSRL_EXT_LIMIT": "many"})


def test_another_process_gets_the_same_options():
    options = Options(Path("f"), 3, keys=("x",), table={"a": [1, 2]})
    assert from_json(Options, to_json(options)) == options


def test_identity_leaves_out_what_a_resumed_run_may_change():
    assert identity_of(Options(Path("f"), dry=True)) == identity_of(Options(Path("f")))
    assert identity_of(Options(Path("f"))) != identity_of(Options(Path("g")))


def test_identity_of_a_section_within_another_is_its_own_identity():
    @dataclass(frozen=True)
    class Outer:
        inner: Options = option("a section", "一节")

    assert identity_of(Outer(Options(Path("f"), dry=True))) == {
        "inner": identity_of(Options(Path("f")))
    }


def test_flags_written_out_give_the_same_options_back():
    options = Options(Path("f"), 3, 0.25, True, ("x", "y"), {"a": 1}, "b")
    assert parsed(*flags_of(options)) == options
    assert flags_of(Options(Path("f"))) == ["--source", "f"]


def test_documentation_has_a_row_for_each_option_in_both_languages():
    english, chinese = (describe_options(Options, language) for language in ("en", "zh"))
    assert [row.flag for row in english] == [row.flag for row in chinese]
    assert ("--limit", "limit", "MSRL_EXT_LIMIT") in [(r.flag, r.key, r.variable) for r in english]
    assert chinese[1].help == "行数"
