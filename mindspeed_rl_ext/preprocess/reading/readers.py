"""Rows of a data file or directory, one by one, with the place of each.

Covers: JSON Lines and a JSON array; by other modules CSV, Parquet, Arrow (`tables`), a directory of
files of one kind (`folder`), a data set that `datasets` saved to disk (`saved_dataset`), `.gz` and
`.zst` around text files (`compressed`).
Does not cover: data sets on the Hub, archives of several files.

Example:
    >>> open_source("missing.jsonl")
    Traceback (most recent call last):
    ...
    mindspeed_rl_ext.core.errors.InputError: no such file: missing.jsonl
      remedy:   check --input
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from mindspeed_rl_ext.core.errors import InputError
from mindspeed_rl_ext.core.files.jsonlines import parse_object
from mindspeed_rl_ext.preprocess.reading.compressed import (
    is_compressed,
    kind_of,
    open_bytes,
    size_of,
)
from mindspeed_rl_ext.preprocess.reading.folder import data_files
from mindspeed_rl_ext.preprocess.reading.json_array import array_rows
from mindspeed_rl_ext.preprocess.reading.saved_dataset import arrow_files, is_saved_dataset
from mindspeed_rl_ext.preprocess.reading.tables import arrow_source, csv_source, parquet_source
from mindspeed_rl_ext.preprocess.record import Row, Source


def open_source(path: str | Path) -> Source:
    """Opens a data file or directory.

    Args:
        path: a .jsonl, .json, .csv, .parquet or .arrow file, the first three also with .gz or
            .zst behind, a directory of such files of one kind, or one that `datasets` saved.

    Raises:
        InputError: missing, empty, or of an unknown kind.
        MissingExtraError: Parquet or Arrow without pyarrow.
    """
    path = Path(path)
    if path.is_dir():
        files = arrow_files(path) if is_saved_dataset(path) else data_files(path, READERS)
        return _one_after_another(path, [_open_file(file) for file in files])
    if not path.is_file():
        raise InputError(f"no such file: {path}", remedy="check --input")
    return _open_file(path)


def _open_file(path: Path) -> Source:
    reader = READERS.get(kind_of(path))
    if reader is None or (is_compressed(path) and reader not in TEXT_READERS):
        raise InputError(
            f"{path} is of an unknown kind",
            found="".join(path.suffixes[-2:]) or "no suffix",
            expected=", ".join(READERS) + "; text files also with .gz or .zst",
            remedy="convert the file, or give it the suffix of its kind",
        )
    if not path.stat().st_size:
        raise InputError(f"{path} is empty", expected="one row at least")
    return reader(path)


def _one_after_another(folder: Path, sources: Sequence[Source]) -> Source:
    def rows() -> Iterator[Row]:
        before = 0
        for source in sources:
            name = Path(source.name).name
            for row in source.rows:
                yield Row(row.line, row.data, before + row.done, name)
            before += source.total

    total = sum(source.total for source in sources)
    return Source(str(folder), rows(), total, sources[0].unit)


def _jsonl(path: Path) -> Source:
    return Source(str(path), _jsonl_rows(path), size_of(path), "B")


def _jsonl_rows(path: Path) -> Iterator[Row]:
    done = 0
    with open_bytes(path) as lines:
        for number, line in enumerate(lines, start=1):
            done += len(line)
            if line.strip():
                yield Row(number, parse_object(line, f"{path}, line {number}"), done)


def _json(path: Path) -> Source:
    with open_bytes(path) as file:
        head = file.read(4096).removeprefix(b"\xef\xbb\xbf").lstrip()
    # Many data sets name JSON Lines .json.
    rows = array_rows(path) if head.startswith(b"[") else _jsonl_rows(path)
    return Source(str(path), rows, size_of(path), "B")


READERS: dict[str, Callable[[Path], Source]] = {
    ".jsonl": _jsonl,
    ".json": _json,
    ".csv": csv_source,
    ".parquet": parquet_source,
    ".arrow": arrow_source,
}
TEXT_READERS = (_jsonl, _json, csv_source)
