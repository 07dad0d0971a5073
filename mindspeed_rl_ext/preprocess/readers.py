"""Rows of a data file, one by one, with the place of each.

Covers: JSON Lines, a JSON array (read in pieces, never whole), CSV, Parquet.
Does not cover: directories of files, data sets on the Hub.

Example:
    >>> open_source("missing.jsonl")
    Traceback (most recent call last):
    ...
    mindspeed_rl_ext.errors.InputError: no such file: missing.jsonl
      remedy:   check --input
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mindspeed_rl_ext.errors import InputError, MissingExtraError
from mindspeed_rl_ext.jsonlines import parse_object
from mindspeed_rl_ext.preprocess.json_array import array_rows, not_utf8, read_bytes, unreadable
from mindspeed_rl_ext.preprocess.record import Row

PARQUET_ROWS = 1024


@dataclass(frozen=True)
class Source:
    """A place that rows come from.

    Args:
        name: for messages.
        rows: the rows, once.
        total: how much there is, in `unit`.
        unit: "B" for bytes, "row" for rows.
    """

    name: str
    rows: Iterator[Row]
    total: int
    unit: str


def open_source(path: str | Path) -> Source:
    """Opens a data file.

    Args:
        path: a .jsonl, .json, .csv or .parquet file.

    Raises:
        InputError: missing, empty, or of an unknown kind.
        MissingExtraError: Parquet without pyarrow.
    """
    path = Path(path)
    if not path.is_file():
        what = "is a directory" if path.is_dir() else ""
        raise InputError(f"no such file: {path}", found=what, remedy="check --input")
    reader = READERS.get(path.suffix.lower())
    if reader is None:
        raise InputError(
            f"{path} is of an unknown kind",
            found=path.suffix or "no suffix",
            expected=", ".join(READERS),
            remedy="convert the file, or give it the suffix of its kind",
        )
    if not path.stat().st_size:
        raise InputError(f"{path} is empty", expected="one row at least")
    return reader(path)


def _jsonl(path: Path) -> Source:
    return Source(str(path), _jsonl_rows(path), path.stat().st_size, "B")


def _jsonl_rows(path: Path) -> Iterator[Row]:
    done = 0
    with path.open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            done += len(line)
            if line.strip():
                yield Row(number, parse_object(line, f"{path}, line {number}"), done)


def _json(path: Path) -> Source:
    with path.open("rb") as file:
        head = file.read(4096).removeprefix(b"\xef\xbb\xbf").lstrip()
    # Many data sets name JSON Lines .json.
    rows = array_rows(path) if head.startswith(b"[") else _jsonl_rows(path)
    return Source(str(path), rows, path.stat().st_size, "B")


def _csv(path: Path) -> Source:
    return Source(str(path), _csv_rows(path), path.stat().st_size, "B")


def _csv_rows(path: Path) -> Iterator[Row]:
    csv.field_size_limit(min(sys.maxsize, 2**31 - 1))
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file, strict=True)
        try:
            for row in reader:
                if None in row or None in row.values():
                    raise InputError(
                        f"{path}, line {reader.line_num} does not have the header's columns",
                        found=f"{len(row)} cells, or fewer than the header's",
                        expected=f"{len(reader.fieldnames or ())} cells",
                        remedy="quote cells that contain commas or newlines",
                    )
                yield Row(reader.line_num, dict(row), read_bytes(file))
        except UnicodeDecodeError as error:
            raise not_utf8(path, error) from error
        except csv.Error as error:
            raise unreadable(path, reader.line_num, "", str(error)) from error


def _parquet(path: Path) -> Source:
    try:
        from pyarrow import ArrowException, parquet
    except ImportError as error:
        raise MissingExtraError("pyarrow", "data", f"reading {path}") from error
    try:
        file = parquet.ParquetFile(path)
    except ArrowException as error:
        raise InputError(
            f"{path} is not a readable Parquet file",
            found=str(error),
            remedy="check that the download is complete",
        ) from error
    return Source(str(path), _parquet_rows(file), file.metadata.num_rows, "row")


def _parquet_rows(file: Any) -> Iterator[Row]:
    number = 0
    for batch in file.iter_batches(batch_size=PARQUET_ROWS):
        for row in batch.to_pylist():
            number += 1
            yield Row(number, row, number)


READERS: dict[str, Callable[[Path], Source]] = {
    ".jsonl": _jsonl,
    ".json": _json,
    ".csv": _csv,
    ".parquet": _parquet,
}
