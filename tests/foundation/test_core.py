"""Errors, the registry, files, JSON Lines, rollouts, metrics, shipped files."""

from __future__ import annotations

import errno
import math
import os
import pickle
import string
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mindspeed_rl_ext.core import errors
from mindspeed_rl_ext.core.errors import ExtError, InputError, MissingExtraError, nearest
from mindspeed_rl_ext.core.files.jsonlines import read_jsonl, write_jsonl
from mindspeed_rl_ext.core.files.shipped import resolve_config
from mindspeed_rl_ext.core.files.whole_files import open_atomic, write_text_atomic
from mindspeed_rl_ext.core.registry import Registry
from mindspeed_rl_ext.core.responses.answers import canonical_text
from mindspeed_rl_ext.core.responses.metrics import (
    MetricsRow,
    append_metrics,
    length_metrics,
    read_metrics,
)
from mindspeed_rl_ext.core.responses.rollouts import Rollout, from_row, read_rollouts

KINDS = [errors.ExtError, errors.InputError, errors.CheckFailedError, errors.MachineError]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**9), 10**9) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
ROWS = st.lists(st.dictionaries(st.text(), JSON, max_size=4), max_size=6)


@pytest.mark.parametrize("kind", KINDS)
@given(parts=st.tuples(st.text(), st.text(), st.text(), st.text()))
def test_an_error_survives_pickling(kind, parts):
    what, found, expected, remedy = parts
    error = kind(what, found=found, expected=expected, remedy=remedy)
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is kind
    assert (str(copy), copy.args, copy.exit_code) == (str(error), error.args, error.exit_code)


def test_a_missing_extra_survives_pickling_and_names_the_remedy():
    error = pickle.loads(pickle.dumps(MissingExtraError("sympy", "verify", "a comparison")))
    assert isinstance(error, MissingExtraError)
    assert 'pip install "mindspeed-rl-ext[verify]"' in str(error)


def test_an_error_shows_only_the_parts_it_has():
    assert str(ExtError("what")) == "what"
    assert str(ExtError("what", remedy="fix it")) == "what\n  remedy:   fix it"


@given(st.sets(st.text(string.ascii_lowercase, min_size=4), min_size=1, max_size=8), st.data())
def test_the_nearest_of_a_known_name_is_itself(names, data):
    name = data.draw(st.sampled_from(sorted(names)))
    assert name in nearest(name, names)


def test_a_registry_gives_back_refuses_duplicates_and_names_the_nearest():
    registry = Registry[object]("colour")
    red, other = object(), object()
    registry.register("red", red)
    registry.register("red", red)  # the same thing again is no conflict
    with pytest.raises(InputError, match="registered twice"):
        registry.register("red", other)
    assert registry.get("red") is red
    with pytest.raises(InputError, match="did you mean red"):
        registry.get("rad")
    assert "red" in registry
    assert list(registry) == registry.names() == ["red"]


def test_a_name_is_taken_once_however_many_threads_ask_for_it():
    registry = Registry[object]("thing")
    refused = []

    def register():
        try:
            registry.register("name", object())
        except InputError as error:
            refused.append(error)

    threads = [threading.Thread(target=register) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(refused) == 15


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt, SystemExit])
@pytest.mark.parametrize("before", [None, b"old"])
def test_a_file_is_whole_or_as_before_when_writing_fails(tmp_path, error, before):
    path = tmp_path / "a.txt"
    if before is not None:
        path.write_bytes(before)
    with pytest.raises(error), open_atomic(path) as file:  # noqa: PT012
        file.write(b"half")
        raise error
    assert (path.read_bytes() if path.exists() else None) == before
    assert [p.name for p in tmp_path.iterdir()] == ([] if before is None else ["a.txt"])


def test_a_file_is_replaced_and_its_folder_made(tmp_path):
    path = tmp_path / "new" / "a.txt"
    write_text_atomic(path, "one")
    write_text_atomic(path, "zwei ü 好")
    assert path.read_text(encoding="utf-8") == "zwei ü 好"
    assert [p.name for p in path.parent.iterdir()] == ["a.txt"]


@given(rows=ROWS)
def test_json_lines_come_back_as_they_were_written(tmp_path_factory, rows):
    path = tmp_path_factory.mktemp("jsonl") / "a.jsonl"
    assert write_jsonl(path, rows) == len(rows)
    assert list(read_jsonl(path)) == list(enumerate(rows, start=1))


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b'{"a": 1', "line 3 is not readable JSON"),
        (b"[1, 2]", "line 3 is not a JSON object"),
        (b"\xff\xfe", "line 3 is not UTF-8"),
        (b"[" * 100_000, "line 3 is not readable JSON"),
        (b'{"a": NaN', "line 3 is not readable JSON"),
    ],
)
def test_an_unreadable_line_is_named_by_its_number(tmp_path, line, message):
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'{"a": 1}\n\n' + line + b"\n")
    rows = read_jsonl(path)
    assert next(rows) == (1, {"a": 1})
    with pytest.raises(InputError, match=message):
        next(rows)


def test_a_missing_file_and_a_byte_order_mark(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        next(read_jsonl(tmp_path / "none.jsonl"))
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'\xef\xbb\xbf{"a": 1}\n')
    assert list(read_jsonl(path)) == [(1, {"a": 1})]


def test_rows_that_fail_half_way_leave_no_file(tmp_path):
    def rows():
        yield {"a": 1}
        raise RuntimeError

    with pytest.raises(RuntimeError):
        write_jsonl(tmp_path / "a.jsonl", rows())
    assert list(tmp_path.iterdir()) == []


TEXT = st.text(max_size=20)


@given(
    rollout=st.builds(
        Rollout,
        response=TEXT,
        answer=TEXT,
        prompt=st.none() | TEXT,
        id=TEXT,
        group=st.none() | TEXT,
        step=st.none() | st.integers(0, 99),
        num_tokens=st.none() | st.integers(0, 99),
        extra=st.dictionaries(st.sampled_from(["topic", "level"]), TEXT),
        reward=st.none() | st.floats(-2, 2),
    )
)
def test_a_rollout_survives_its_row(rollout):
    assert from_row(rollout.to_row(), "a row") == rollout


def test_a_rollout_without_answer_or_with_a_number_as_response_is_refused(tmp_path):
    path = tmp_path / "a.jsonl"
    write_jsonl(path, [{"response": "x", "answer": 1}, {"response": "x"}])
    rows = read_rollouts(path)
    first = next(rows)
    assert (first.answer, first.id) == ("1", "line 1")
    with pytest.raises(InputError, match="line 2 has no column 'answer'"):
        next(rows)
    with pytest.raises(InputError, match="response is not text"):
        from_row({"response": 5, "answer": "x"}, "a row")


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("step", "3", "step is not an integer"),
        ("num_tokens", 2.5, "num_tokens is not an integer"),
        ("verdicts", {"countdown": {"score": 1.0, "colour": "red"}}, "verdicts are not readable"),
        ("verdicts", {"countdown": 1.0}, "verdicts are not readable"),
        ("verdicts", ["countdown"], "verdicts are not readable"),
    ],
)
def test_a_column_of_the_wrong_kind_is_named_with_its_line(tmp_path, column, value, message):
    path = tmp_path / "a.jsonl"
    write_jsonl(path, [{"response": "x", "answer": "y"}, {"response": "x", "answer": "y"}])
    good = read_rollouts(path)
    assert len(list(good)) == 2
    write_jsonl(path, [{"response": "x", "answer": "y", column: value}])
    with pytest.raises(InputError, match=f"line 1: {message}"):
        list(read_rollouts(path))


@given(JSON)
def test_an_answer_is_text_whatever_it_was(value):
    import json

    text = canonical_text(value)
    assert isinstance(text, str)
    assert value == text if isinstance(value, str) else json.loads(text) == value


@given(st.dictionaries(st.sampled_from(["a/mean", "grad_norm"]), st.floats(width=32)))
def test_metrics_come_back_with_nan_and_infinity(tmp_path_factory, values):
    path = tmp_path_factory.mktemp("metrics") / "sub" / "metrics.jsonl"
    append_metrics(path, MetricsRow(1, values))
    append_metrics(path, MetricsRow(2, {}))
    first, second = read_metrics(path)
    assert (first.step, second.step, dict(second.values)) == (1, 2, {})
    assert first.values.keys() == values.keys()
    for name, value in values.items():
        read = first.values[name]
        assert read == value or (math.isnan(read) and math.isnan(value))


@pytest.mark.parametrize(
    ("row", "message"),
    [({"a": 1}, "no integer 'step'"), ({"step": 1, "a": "x"}, "not a number"),
     ({"step": 1, "a": [1]}, "not a number")],
)  # fmt: skip
def test_a_metrics_row_that_is_none_is_named(tmp_path, row, message):
    write_jsonl(tmp_path / "m.jsonl", [row])
    with pytest.raises(InputError, match=message):
        list(read_metrics(tmp_path / "m.jsonl"))


def test_lengths_of_nothing_are_no_metrics():
    assert length_metrics([]) == {}
    assert length_metrics([3, 5]) == {
        "response_length/mean": 4.0,
        "response_length/min": 3.0,
        "response_length/max": 5.0,
    }


def test_a_config_is_found_by_name_by_file_name_and_by_path(tmp_path):
    by_stem = resolve_config("runtime_env", "envs")
    assert by_stem == resolve_config("runtime_env.yaml", "envs")
    own = tmp_path / "own.yaml"
    own.write_text("a: 1")
    assert resolve_config(str(own), "envs") == own
    with pytest.raises(InputError, match="did you mean runtime_env"):
        resolve_config("runtime_evn", "envs")


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EFBIG, errno.EDQUOT])
def test_a_disk_that_stops_a_file_is_named_with_the_file(tmp_path, number):
    path = tmp_path / "rows.jsonl"
    with pytest.raises(OSError, match=r"rows\.jsonl"), open_atomic(path):
        raise OSError(number, os.strerror(number))
    assert list(tmp_path.iterdir()) == []
