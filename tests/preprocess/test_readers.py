"""Readers: every kind of file, the place of every row, and files that can't be read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mindspeed_rl_ext.core.errors import InputError
from mindspeed_rl_ext.preprocess.reading import json_array
from mindspeed_rl_ext.preprocess.reading.readers import open_source

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


def write_table(path: Path, rows: list[dict[str, Any]]) -> None:
    """One of each kind that has columns."""
    if path.suffix == ".csv":
        lines = [",".join(rows[0]), *(",".join(map(str, row.values())) for row in rows)]
        path.write_text("\n".join(lines) + "\n")
    elif path.suffix == ".parquet":
        pyarrow = pytest.importorskip("pyarrow", reason="extra [data] is not installed")
        parquet = pytest.importorskip("pyarrow.parquet", reason="extra [data] is not installed")
        parquet.write_table(pyarrow.Table.from_pylist(rows), path)
    elif path.suffix == ".jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    else:
        path.write_text(json.dumps(rows))


@pytest.mark.parametrize("suffix", [".jsonl", ".json", ".csv", ".parquet"])
def test_a_folder_is_its_files_by_name_with_the_file_of_each_row(
    tmp_path: Path, suffix: str
) -> None:
    for name, values in (("b", "34"), ("a", "12")):
        write_table(tmp_path / f"{name}{suffix}", [{"q": value} for value in values])
    (tmp_path / "README.md").write_text("about")
    (tmp_path / "dataset_infos.json").write_text("{}")
    (tmp_path / "sub").mkdir()
    source = open_source(tmp_path)
    rows = list(source.rows)
    assert [row.data["q"] for row in rows] == list("1234")
    assert [row.file for row in rows] == [f"a{suffix}"] * 2 + [f"b{suffix}"] * 2
    assert rows[-1].done == source.total


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ([], "no data files"),
        (["README.md"], "no data files"),
        (["a.json", "a.parquet"], "data files of 2 kinds"),
        (["train-00000-of-00001.jsonl", "test-00000-of-00001.jsonl"], "holds test and train files"),
        (["gsm8k_train.jsonl", "gsm8k_dev.jsonl"], "holds train and validation files"),
    ],
)
def test_a_folder_that_would_mix_or_miss_rows_is_refused(
    tmp_path: Path, names: list[str], message: str
) -> None:
    for name in names:
        (tmp_path / name).write_text('{"q": 1}\n')
    with pytest.raises(InputError, match=message):
        open_source(tmp_path)


def test_an_empty_file_of_a_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"q": 1}\n')
    (tmp_path / "b.jsonl").write_text("")
    with pytest.raises(InputError, match=r"b\.jsonl is empty"):
        open_source(tmp_path)


@pytest.fixture
def datasets() -> Any:
    return pytest.importorskip("datasets", reason="extra [data] is not installed")


NESTED = [
    {"prompt": [{"role": "user", "content": f"{n}?"}], "reward_model": {"ground_truth": str(n)}}
    for n in range(5)
]


@pytest.mark.parametrize("files", [1, 3])
def test_a_data_set_saved_to_disk_is_read(datasets: Any, tmp_path: Path, files: int) -> None:
    saved = datasets.Dataset.from_list(NESTED)
    saved.save_to_disk(str(tmp_path / "d"), num_shards=files)
    assert [data for _, data in rows_of(tmp_path / "d")] == NESTED
    assert list(datasets.load_from_disk(str(tmp_path / "d"))) == NESTED


def test_a_selection_that_was_saved_is_read_as_selected(datasets: Any, tmp_path: Path) -> None:
    datasets.Dataset.from_list(NESTED).select([3, 1]).save_to_disk(str(tmp_path / "d"))
    assert [data for _, data in rows_of(tmp_path / "d")] == [NESTED[3], NESTED[1]]


def test_of_saved_splits_one_must_be_named(datasets: Any, tmp_path: Path) -> None:
    one = datasets.Dataset.from_list(NESTED)
    datasets.DatasetDict(train=one).save_to_disk(str(tmp_path / "one"))
    assert len(rows_of(tmp_path / "one")) == 5
    datasets.DatasetDict(train=one, test=one.select([0])).save_to_disk(str(tmp_path / "two"))
    with pytest.raises(InputError, match="holds 2 splits") as caught:
        open_source(tmp_path / "two")
    assert "found:    train, test" in str(caught.value)
    assert len(rows_of(tmp_path / "two" / "test")) == 1


def test_a_saved_data_set_that_is_not_whole_is_named(datasets: Any, tmp_path: Path) -> None:
    datasets.Dataset.from_list(NESTED).save_to_disk(str(tmp_path / "d"))
    arrow = next((tmp_path / "d").glob("*.arrow"))
    content = arrow.read_bytes()
    arrow.write_bytes(content[: len(content) // 2])
    with pytest.raises(InputError, match="not a readable Arrow file"):
        rows_of(tmp_path / "d")
    arrow.unlink()
    with pytest.raises(InputError, match="is not complete"):
        open_source(tmp_path / "d")


def test_an_arrow_file_of_the_file_format_is_read_too(tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow", reason="extra [data] is not installed")
    table = pyarrow.Table.from_pylist(NESTED)
    with pyarrow.ipc.new_file(str(tmp_path / "x.arrow"), table.schema) as writer:
        writer.write_table(table)
    assert [data for _, data in rows_of(tmp_path / "x.arrow")] == NESTED
