"""Readers: every kind of file, the place of every row, and files that can't be read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mindspeed_rl_ext.errors import InputError
from mindspeed_rl_ext.preprocess import json_array
from mindspeed_rl_ext.preprocess.readers import open_source

ROWS = [{"q": 'a, "b"\n[1]', "n": 1}, {"q": "你好 }", "n": None}]


def rows_of(path: Path) -> list[tuple[int, dict[str, Any]]]:
    return [(row.line, row.data) for row in open_source(path).rows]


def test_json_lines_carry_their_line_numbers(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    path.write_text("\n".join([json.dumps(ROWS[0]), "", json.dumps(ROWS[1])]), encoding="utf-8")
    assert rows_of(path) == [(1, ROWS[0]), (3, ROWS[1])]


def test_json_lines_named_json_are_read_too(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    assert rows_of(path) == [(1, ROWS[0]), (2, ROWS[1])]


def test_a_json_array_carries_the_line_where_each_object_begins(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_text(json.dumps(ROWS, indent=1, ensure_ascii=False), encoding="utf-8-sig")
    assert rows_of(path) == [(2, ROWS[0]), (6, ROWS[1])]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.floats(allow_nan=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=60, deadline=None)
@given(
    rows=st.lists(st.dictionaries(st.text(), json_values, max_size=3), max_size=5),
    piece=st.integers(1, 40),
    indent=st.sampled_from([None, 0, 2]),
)
def test_an_array_read_in_pieces_of_any_size_is_what_json_loads(
    rows: list[dict], piece: int, indent: int | None, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("json") / "x.json"
    path.write_text(json.dumps(rows, indent=indent), encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_array, "READ_CHARS", piece)
        assert [data for _, data in rows_of(path)] == json.loads(path.read_text())


def test_csv_rows_have_the_header_as_columns(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text('q,a\n"one, ""two""\nthree",4\nfive,6\n', encoding="utf-8")
    assert [data for _, data in rows_of(path)] == [
        {"q": 'one, "two"\nthree', "a": "4"},
        {"q": "five", "a": "6"},
    ]


def test_parquet_rows_keep_their_types(tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow", reason="extra [data] is not installed")
    parquet = pytest.importorskip("pyarrow.parquet", reason="extra [data] is not installed")
    rows = [{"p": [{"role": "user", "content": "x"}], "a": {"ground_truth": "1"}}] * 3
    parquet.write_table(pyarrow.Table.from_pylist(rows), tmp_path / "x.parquet")
    assert rows_of(tmp_path / "x.parquet") == [(i, rows[0]) for i in (1, 2, 3)]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("x.jsonl", b'{"a": 1}\n{"a": \n', "line 2 is not readable JSON"),
        ("x.jsonl", b'{"a": 1}\n[1]\n', "line 2 is not a JSON object"),
        ("x.jsonl", b'{"a": "\xe9"}\n', "line 1 is not UTF-8"),
        ("x.jsonl", b"", "is empty"),
        ("x.json", b'[{"a": 1},\n{"a": }]', "line 2 is not readable"),
        ("x.json", b'[{"a": 1}\n{"a": 2}]', "line 2 is not readable"),
        ("x.json", b'[{"a": 1},\n 7]', "line 2 is not a JSON object"),
        ("x.json", b'[{"a": 1},\n{"a": "never', "line 2 is not readable"),
        ("x.json", b'[{"a": 1}\n', "array not closed"),
        ("x.json", b'[{"a": "\xe9"}]', "is not UTF-8"),
        ("x.csv", b"a,b\n1\n", "does not have the header's columns"),
        ("x.csv", b"a,b\n1,2,3\n", "does not have the header's columns"),
        ("x.csv", b"a,b\n\xe9,2\n", "is not UTF-8"),
        ("x.txt", b"a", "unknown kind"),
    ],
)
def test_a_file_that_can_not_be_read_says_where(
    tmp_path: Path, name: str, content: bytes, message: str
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(InputError) as caught:
        rows_of(path)
    assert message in str(caught.value)
    assert name in str(caught.value)


def test_a_broken_parquet_file_is_named(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow", reason="extra [data] is not installed")
    (tmp_path / "x.parquet").write_bytes(b"PAR1 but no more")
    with pytest.raises(InputError, match="not a readable Parquet file"):
        rows_of(tmp_path / "x.parquet")


def test_a_broken_row_early_in_a_long_array_is_found_without_reading_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "x.json"
    path.write_text('[{"a": oops},' + '{"a": 1},' * 5000 + "{}]")
    monkeypatch.setattr(json_array, "READ_CHARS", 64)
    source = open_source(path)
    reads = []
    monkeypatch.setattr(
        json_array,
        "_read",
        lambda file, path: reads.append(1) or str(file.read(json_array.READ_CHARS)),
    )
    with pytest.raises(InputError, match="line 1 is not readable"):
        list(source.rows)
    assert len(reads) <= 2
