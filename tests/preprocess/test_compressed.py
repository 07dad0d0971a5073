"""Compressed files and columns inside objects are read like any others."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mindspeed_rl_ext.core.errors import InputError
from mindspeed_rl_ext.preprocess.reading.readers import open_source

ROWS = [{"q": f"How many? {n}", "a": str(n)} for n in range(2000)]
TEXTS = {
    ".jsonl": "".join(json.dumps(row) + "\n" for row in ROWS),
    ".json": json.dumps(ROWS, indent=1),
    ".csv": "q,a\n" + "".join(f"{row['q']},{row['a']}\n" for row in ROWS),
}


def compress(text: str, suffix: str) -> bytes:
    if suffix == ".gz":
        return gzip.compress(text.encode())
    pa = pytest.importorskip("pyarrow", reason="extra [data] is not installed")
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, "zstd") as stream:
        stream.write(text.encode())
    return sink.getvalue().to_pybytes()


@pytest.mark.parametrize("suffix", [".gz", ".zst"])
@pytest.mark.parametrize("kind", TEXTS)
def test_a_compressed_file_has_the_rows_and_lines_of_the_plain_one(
    tmp_path: Path, kind: str, suffix: str
) -> None:
    (tmp_path / f"plain{kind}").write_text(TEXTS[kind])
    (tmp_path / f"rows{kind}{suffix}").write_bytes(compress(TEXTS[kind], suffix))
    plain, packed = (
        open_source(tmp_path / f"plain{kind}"),
        open_source(tmp_path / f"rows{kind}{suffix}"),
    )
    assert [(r.line, r.data) for r in packed.rows] == [(r.line, r.data) for r in plain.rows]


@pytest.mark.parametrize("suffix", [".gz", ".zst"])
@pytest.mark.parametrize("kind", TEXTS)
def test_a_compressed_file_that_ends_too_early_is_named(
    tmp_path: Path, kind: str, suffix: str
) -> None:
    whole = compress(TEXTS[kind], suffix)
    path = tmp_path / f"rows{kind}{suffix}"
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match=r"rows\.\w+\.\w+") as caught:
        list(open_source(path).rows)
    assert "check that the download is complete" in str(caught.value)


@pytest.mark.parametrize("suffix", [".gz", ".zst"])
def test_a_file_that_is_not_compressed_as_its_name_says_is_refused(
    tmp_path: Path, suffix: str
) -> None:
    if suffix == ".zst":
        pytest.importorskip("pyarrow", reason="extra [data] is not installed")
    (tmp_path / f"rows.jsonl{suffix}").write_text(TEXTS[".jsonl"])
    with pytest.raises(InputError, match="can't be uncompressed"):
        list(open_source(tmp_path / f"rows.jsonl{suffix}").rows)


def test_a_folder_of_compressed_files_is_one_data_set(tmp_path: Path) -> None:
    for name, row in (("b", ROWS[1]), ("a", ROWS[0])):
        (tmp_path / f"{name}.jsonl.gz").write_bytes(compress(json.dumps(row) + "\n", ".gz"))
    assert [row.data for row in open_source(tmp_path).rows] == ROWS[:2]


def test_parquet_inside_gzip_is_refused_by_its_name(tmp_path: Path) -> None:
    (tmp_path / "rows.parquet.gz").write_bytes(b"x")
    with pytest.raises(InputError, match="of an unknown kind"):
        open_source(tmp_path / "rows.parquet.gz")


def test_columns_inside_objects_are_named_with_dots(run_rows: Callable[..., Any]) -> None:
    row = {
        "item": {"text": "What is 6 * 7?", "meta": {"level": 3}},
        "reward_model": {"ground_truth": "42", "style": "rule"},
        "a.b": "its own name",
    }
    report, texts, _ = run_rows(
        [row, {"item": {"text": "Again?"}, "reward_model": None, "a.b": "x"}],
        map_keys={"prompt": "item.text", "response": "reward_model.ground_truth"},
        dataset_additional_keys=("a.b",),
    )
    assert texts == [{"input_ids": "What is 6 * 7?", "labels": "42", "a.b": "its own name"}]
    assert report.dropped == {"missing_answer": 1}


def test_a_column_inside_an_object_that_is_not_there_is_named(run_rows: Callable[..., Any]) -> None:
    row = {"item": {"text": "What is 6 * 7?"}}
    with pytest.raises(InputError, match=r"no column 'item\.txt' \(map-keys prompt\)"):
        run_rows([row], map_keys={"prompt": "item.txt"})


def test_derived_texts_take_columns_inside_objects(run_rows: Callable[..., Any]) -> None:
    _, texts, _ = run_rows(
        [{"task": {"target": 9, "nums": [4, 5]}}],
        derive={"q": "Reach {task.target} with {task.nums}.", "a": {"target": "task.target"}},
        map_keys={"prompt": "q", "response": "a"},
    )
    assert texts[0] == {"input_ids": "Reach 9 with [4,5].", "labels": '{"target":9}'}
