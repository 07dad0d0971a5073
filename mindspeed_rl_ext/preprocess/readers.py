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
import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mindspeed_rl_ext.errors import InputError, MissingExtraError
from mindspeed_rl_ext.jsonlines import parse_object
from mindspeed_rl_ext.preprocess.record import Row

READ_CHARS = 1 << 20
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
    rows = _array_rows(path) if head.startswith(b"[") else _jsonl_rows(path)
    return Source(str(path), rows, path.stat().st_size, "B")


def _array_rows(path: Path) -> Iterator[Row]:
    """Yields the objects of a JSON array, holding one piece of the file at a time."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        pieces = _Pieces(path, file)
        pieces.take("[")
        while pieces.peek() != "]":
            line, value = pieces.value()
            if not isinstance(value, dict):
                raise _not_an_object(path, line, repr(value))
            yield Row(line, value, _read_bytes(file))
            if pieces.peek() != "]":
                pieces.take(",")


class _Pieces:
    """The text of a JSON file, read as it is needed."""

    def __init__(self, path: Path, file: Any) -> None:
        self._path, self._file = path, file
        self._text, self._at, self._line = "", 0, 1
        self._decoder = json.JSONDecoder()

    def peek(self) -> str:
        """The next character that is no white space, not taken."""
        while True:
            start = self._at
            while self._at < len(self._text) and self._text[self._at] in " \t\r\n":
                self._at += 1
            self._line += self._text.count("\n", start, self._at)
            if self._at < len(self._text):
                return self._text[self._at]
            if not self._more():
                raise _unreadable(self._path, self._line, "the end of the file", "array not closed")

    def take(self, mark: str) -> None:
        """Takes one character that must come next."""
        found = self.peek()
        if found != mark:
            raise _unreadable(self._path, self._line, self._near(), f"expected {mark!r}")
        self._at += 1

    def value(self) -> tuple[int, Any]:
        """Takes the next JSON value; returns the line where it begins with it."""
        self.peek()
        while True:
            try:
                value, end = self._decoder.raw_decode(self._text, self._at)
            except RecursionError as error:
                raise _unreadable(self._path, self._line, self._near(), str(error)) from error
            except json.JSONDecodeError as error:
                if not _may_be_cut(error) or not self._more():
                    line = self._line + self._text.count("\n", self._at, error.pos)
                    raise _unreadable(self._path, line, self._near(), error.msg) from error
                continue
            line = self._line
            self._line += self._text.count("\n", self._at, end)
            self._at = end
            return line, value

    def _more(self) -> bool:
        more = _read(self._file, self._path)
        self._text, self._at = self._text[self._at :] + more, 0
        return bool(more)

    def _near(self) -> str:
        return self._text[self._at : self._at + 80]


def _may_be_cut(error: json.JSONDecodeError) -> bool:
    """Whether the text may only have ended too early."""
    return error.msg.startswith("Unterminated string") or error.pos > len(error.doc) - 16


def _read_bytes(file: Any) -> int:
    done: int = file.buffer.tell()
    return done


def _read(file: Any, path: Path) -> str:
    try:
        return str(file.read(READ_CHARS))
    except UnicodeDecodeError as error:
        raise _not_utf8(path, error) from error


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
                yield Row(reader.line_num, dict(row), _read_bytes(file))
        except UnicodeDecodeError as error:
            raise _not_utf8(path, error) from error
        except csv.Error as error:
            raise _unreadable(path, reader.line_num, "", str(error)) from error


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


def _not_utf8(path: Path, error: UnicodeDecodeError) -> InputError:
    return InputError(
        f"{path} is not UTF-8",
        found=f"byte 0x{error.object[error.start]:02x}",
        expected="UTF-8 text",
        remedy="convert the file, for example with iconv",
    )


def _unreadable(path: Path, line: int, found: str, problem: str | None) -> InputError:
    return InputError(
        f"{path}, line {line} is not readable",
        found=f"{found} ({problem})" if problem else found,
        expected="an array of objects" if path.suffix == ".json" else "",
        remedy="mend or remove the row",
    )


def _not_an_object(path: Path, line: int, text: str) -> InputError:
    return InputError(
        f"{path}, line {line} is not a JSON object",
        found=text[:80],
        expected='{"column": value, ...}',
        remedy="write one object a row",
    )


READERS: dict[str, Callable[[Path], Source]] = {
    ".jsonl": _jsonl,
    ".json": _json,
    ".csv": _csv,
    ".parquet": _parquet,
}
