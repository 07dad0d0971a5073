"""Responses made elsewhere: how rows name their problem, and everything that is wrong with them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mindspeed_rl_ext.core.errors import InputError
from mindspeed_rl_ext.recipes.evaluation.backends import Response
from mindspeed_rl_ext.recipes.evaluation.problems.benchmarks import BENCHMARKS
from mindspeed_rl_ext.recipes.evaluation.problems.loading import Loaded, Problem
from mindspeed_rl_ext.recipes.evaluation.problems.recorded import read_recorded


def loaded(name: str, ids: list[str], limit: int | None = None) -> Loaded:
    every = tuple(Problem(name, i, "?", "1", source_id=own) for i, own in enumerate(ids))
    rest = () if limit is None else every[limit:]
    return Loaded(BENCHMARKS[name], every[:limit], len(every), left_out=rest)


BOTH = [loaded("aime24", ["60", "61"]), loaded("amc23", ["0", "60"])]


def write(tmp_path: Path, *rows: object) -> Path:
    path = tmp_path / "made.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


@pytest.mark.parametrize(
    "row",
    [
        {"benchmark": "aime24", "index": 1},
        {"benchmark": "aime24", "index": "1"},
        {"id": "aime24/1"},
        {"id": "anything", "group": "aime24/1"},
        {"benchmark": "aime24", "id": "61"},
        {"benchmark": "aime24", "id": 61},
        {"id": 61},
    ],
)
def test_a_row_names_its_problem(tmp_path, row):
    found = read_recorded(write(tmp_path, {**row, "response": "a"}), BOTH)
    assert found.responses == {"aime24/1": [Response("a")]}
    assert found.missing == ["aime24/0", "amc23/0", "amc23/1"]


def test_an_id_that_two_problems_carry_names_none(tmp_path):
    rows = [{"id": 60, "response": "a"}, {"benchmark": "amc23", "id": 60, "response": "b"}]
    found = read_recorded(write(tmp_path, *rows), BOTH)
    assert found.responses == {"amc23/1": [Response("b")]}
    assert found.extra == ["line 1 (60)"]


def test_samples_come_as_rows_or_as_a_list(tmp_path):
    rows = [
        {"id": "aime24/0", "sample": 1, "response": "b", "num_tokens": 2, "cut": True},
        {"id": "aime24/0", "sample": 0, "response": "a", "prompt": "asked"},
        {"id": "aime24/1", "responses": ["c", "d"], "num_tokens": [3, 4]},
    ]
    found = read_recorded(write(tmp_path, *rows), BOTH)
    assert found.responses["aime24/0"] == [Response("a"), Response("b", 2, True)]
    assert found.responses["aime24/1"] == [Response("c", 3), Response("d", 4)]
    assert found.prompts == {"aime24/0": "asked"}


def test_missing_extra_and_duplicate_rows_are_named(tmp_path):
    rows = [
        {"id": "aime24/0", "response": "first"},
        {"id": "aime24/0", "response": "second"},
        {"benchmark": "gsm8k", "index": 0, "response": "x"},
        {"benchmark": "aime24", "index": 7, "response": "x"},
    ]
    found = read_recorded(write(tmp_path, *rows), BOTH)
    assert found.responses == {"aime24/0": [Response("first")]}
    assert found.duplicates == ["line 2 (aime24/0)"]
    assert found.extra == ["line 3 (gsm8k/0)", "line 4 (aime24/7)"]
    assert found.missing == ["aime24/1", "amc23/0", "amc23/1"]


def test_rows_behind_the_limit_are_not_extra(tmp_path):
    rows = [{"benchmark": "aime24", "index": i, "response": "x"} for i in range(2)]
    found = read_recorded(write(tmp_path, *rows), [loaded("aime24", ["60", "61"], limit=1)])
    assert (list(found.responses), found.extra, found.missing) == (["aime24/0"], [], [])


@pytest.mark.parametrize(
    ("row", "printed"),
    [
        ({"response": "a"}, "names no problem"),
        ({"id": "aime24/0"}, "has no response"),
        ({"id": "aime24/0", "response": 5}, "has no response"),
        ({"id": "aime24/0", "response": None}, "has no response"),
        ({"id": "aime24/0", "responses": []}, "has no response"),
        ({"id": "aime24/0", "responses": "abc"}, "has no response"),
        ({"id": "aime24/0", "responses": ["a"], "num_tokens": [1, 2]}, "num_tokens or sample"),
        ({"id": "aime24/0", "response": "a", "num_tokens": "5"}, "num_tokens or sample"),
        ({"id": "aime24/0", "response": "a", "sample": "0"}, "num_tokens or sample"),
        (
            {"id": "aime24/0", "response": "a", "num_tokens": -5},
            "line 1: num_tokens or",
        ),
        ({"id": "aime24/0", "responses": ["a", "b"], "num_tokens": [3, -1]}, "is negative"),
        ({"id": "aime24/0", "response": "a", "sample": -3}, "is negative"),
        ({"id": "other", "response": "a"}, "no response to any of the problems"),
    ],
)
def test_a_row_that_cannot_be_used_is_refused_with_its_line(tmp_path, row, printed):
    with pytest.raises(InputError, match=printed):
        read_recorded(write(tmp_path, row), BOTH)


@given(st.none() | st.integers(-3, 9), st.none() | st.integers(-3, 9))
def test_numbers_are_taken_as_they_are_or_refused_with_their_line(tmp_path_factory, tokens, sample):
    row = {"id": "aime24/0", "response": "a", "num_tokens": tokens, "sample": sample}
    rows = [{"id": "aime24/1", "response": "b"}, row]
    path = write(tmp_path_factory.mktemp("made"), *rows)
    if min(tokens or 0, sample or 0) >= 0:
        found = read_recorded(path, BOTH).responses
        assert found["aime24/0"] == [Response("a", tokens)]
        return
    with pytest.raises(InputError) as refused:
        read_recorded(path, BOTH)
    printed = str(refused.value)
    assert all(word in printed for word in ("line 2", "found:", "expected:", "remedy:"))


def test_an_empty_or_broken_file_is_refused(tmp_path):
    path = write(tmp_path)
    with pytest.raises(InputError, match="no response to any"):
        read_recorded(path, BOTH)
    path.write_text('{"id": "aime24/0", "response": "a"}\n{"id": ')
    with pytest.raises(InputError, match="line 2"):
        read_recorded(path, BOTH)
