"""The fast ways of reading a log say what the slow ones say."""

from __future__ import annotations

import math
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mindspeed_rl_ext.core.errors import MachineError
from mindspeed_rl_ext.report.picture import process as curves_process
from mindspeed_rl_ext.report.run import write_report
from mindspeed_rl_ext.report.sources import console
from mindspeed_rl_ext.report.sources.metrics_file import read_metrics_file
from mindspeed_rl_ext.report.sources.rows import Rows
from mindspeed_rl_ext.report.sources.table import _merged, build_table

NAMES = ["a", "b/mean", "a ", "x | y", "c|d", "", "timing/all"]
VALUES = ["0.5", "1e-6", "nan", "-inf", " 3 ", "x", "", "1_000", "10:00:00"]
JOINTS = [" | ", "|", " |", "  |  "]
COLONS = [" : ", ": ", ":"]
parts = st.tuples(st.sampled_from(NAMES), st.sampled_from(COLONS), st.sampled_from(VALUES))
lines = st.lists(st.tuples(parts.map("".join), st.sampled_from(JOINTS)).map("".join), max_size=5)


def written(read: object) -> str:
    return repr((list(read.rows), read.broken))  # type: ignore[attr-defined]


@given(lines)
def test_a_regular_line_reads_like_any_other(some: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        log = Path(folder, "train.log")
        log.write_text(f"iteration: 3 / 9 | {''.join(some)}\n")
        fast = written(console.read_console_log(log))
        patch.setattr(console, "_regular", lambda text: None)
        assert fast == written(console.read_console_log(log))


OBJECTS = [
    b'{"step": 1, "a": 0.1}', b'{"step": 2, "a": NaN}', b'{"step": 2, "a": "nan", "a": 1}',
    b'\xef\xbb\xbf{"step": 3, "b": 1e999}', b'{"step": 99999999999999999999, "a": 1}',
    b'{"step": 4, "a": 123456789012345678901234567890}', b'{"step": "5"}', b'{"step": 6, "a": "x"}',
    b'{"step": 7, "a": "\xff"}', b'{"step": 8, "\\ud800": 1}', b"[1]", b"{", b"",
    b'{"step": 9, "a": ' + b"[" * 2000, b'{"step": 10.0, "a": true, "b": 1E+2, "c": -0.0}',
]  # fmt: skip


@given(st.lists(st.sampled_from(OBJECTS)))
def test_orjson_reads_what_json_reads(some: list[bytes]) -> None:
    pytest.importorskip("orjson", reason="the extra [report] brings orjson")
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        log = Path(folder, "metrics.jsonl")
        log.write_bytes(b"\n".join(some))
        fast = written(read_metrics_file(log))
        patch.setitem(sys.modules, "orjson", None)
        assert fast == written(read_metrics_file(log))


numbers = st.dictionaries(st.sampled_from("abc"), st.floats(allow_nan=False), max_size=3)


@given(st.lists(numbers, max_size=8))
def test_rising_steps_need_no_merging(some: list[dict[str, float]]) -> None:
    rows = Rows(enumerate(some))
    fast, slow = build_table(rows), _merged(rows)
    assert (fast.steps, fast.repeated, fast.unordered) == (slow.steps, 0, False)
    assert fast.series.keys() == slow.series.keys()
    for name, series in fast.series.items():
        assert np.array_equal(series.steps, slow.series[name].steps)
        assert np.array_equal(series.values, slow.series[name].values)


def test_rows_come_back_as_they_were_added() -> None:
    rows = [(1, {"a": 1.0}), (1, {"a": 2.0, "b": math.inf}), (0, {}), (5, {"b": -0.0})]
    assert list(Rows(rows)) == rows
    assert (len(Rows(rows)), Rows(rows).last_step, Rows().last_step) == (4, 5, None)


@pytest.mark.parametrize(
    ("function", "found"),
    [
        ("mindspeed_rl_ext.report.picture.process:no_font", "has no attribute 'no_font'"),
        ("tests_exit:end", "exit status 7"),
    ],
)
def test_a_process_that_cannot_draw_is_an_error_that_says_why(
    run_dir: Path,
    pictures: None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    function: str,
    found: str,
) -> None:
    (tmp_path / "tests_exit.py").write_text("import os\ndef end():\n    os._exit(7)\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(curves_process, "_FUNCTION", function)
    with pytest.raises(MachineError, match="could not be drawn") as error:
        write_report(run_dir)
    assert error.value.found.endswith(found)
    assert [p.name for p in run_dir.glob("curves*")] == []
    assert [p.name for p in run_dir.glob(".*")] == []
