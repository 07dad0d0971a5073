"""Rows of CSV, Parquet and Arrow files, read in batches.

Covers: CSV with a header; Parquet; Arrow's stream and file formats, as `datasets` writes them.
Does not cover: which of these a path is; `readers` decides by suffix.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from mindspeed_rl_ext.core.errors import InputError, MissingExtraError
from mindspeed_rl_ext.preprocess.reading.compressed import size_of
from mindspeed_rl_ext.preprocess.reading.json_array import (
    not_utf8,
    open_text,
    read_bytes,
    unreadable,
)
from mindspeed_rl_ext.preprocess.record import Row, Source

BATCH_ROWS = 1024
ARROW_FILE_MAGIC = b"ARROW1"


def csv_source(path: Path) -> Source:
    """Opens a CSV file whose first line names the columns."""
    return Source(str(path), _csv_rows(path), size_of(path), "B")


def _csv_rows(path: Path) -> Iterator[Row]:
    csv.field_size_limit(min(sys.maxsize, 2**31 - 1))
    with open_text(path) as file:
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


def parquet_source(path: Path) -> Source:
    """Opens a Parquet file.

    Raises:
        InputError: it is not one.
        MissingExtraError: pyarrow is not installed.
    """
    arrow = _pyarrow(path)
    from pyarrow import parquet

    try:
        count = parquet.read_metadata(path).num_rows
    except arrow.ArrowException as error:
        raise _not_readable(path, "Parquet", error) from error

    def batches() -> Iterator[Any]:
        # Without pre_buffer a row group is read in pieces, not whole.
        with parquet.ParquetFile(path, pre_buffer=False, buffer_size=1 << 20) as file:
            yield from file.iter_batches(batch_size=BATCH_ROWS)

    return Source(str(path), _batch_rows(path, "Parquet", batches(), arrow), count, "row")


def arrow_source(path: Path) -> Source:
    """Opens an Arrow file.

    Raises:
        InputError: it is not one.
        MissingExtraError: pyarrow is not installed.
    """
    arrow = _pyarrow(path)
    with path.open("rb") as file:
        is_file_format = file.read(len(ARROW_FILE_MAGIC)) == ARROW_FILE_MAGIC
    opened = arrow.ipc.open_file if is_file_format else arrow.ipc.open_stream

    def batches() -> Iterator[Any]:
        with arrow.OSFile(str(path)) as file:
            reader = opened(file)
            if is_file_format:
                yield from map(reader.get_batch, range(reader.num_record_batches))
            else:
                yield from reader

    rows = _batch_rows(path, "Arrow", batches(), arrow)
    return Source(str(path), rows, path.stat().st_size, "B")


def _batch_rows(path: Path, kind: str, batches: Iterable[Any], arrow: Any) -> Iterator[Row]:
    number = done = 0
    try:
        for batch in batches:
            for start in range(0, batch.num_rows, BATCH_ROWS):
                for data in batch.slice(start, BATCH_ROWS).to_pylist():
                    number += 1
                    yield Row(number, data, number if kind == "Parquet" else done)
            done += batch.nbytes
    except arrow.ArrowException as error:
        raise _not_readable(path, kind, error) from error
    except UnicodeDecodeError as error:
        raise not_utf8(path, error) from error


def _pyarrow(path: Path) -> Any:
    try:
        import pyarrow
        import pyarrow.ipc
    except ImportError as error:
        raise MissingExtraError("pyarrow", "data", f"reading {path}") from error
    return pyarrow


def _not_readable(path: Path, kind: str, error: BaseException) -> InputError:
    return InputError(
        f"{path} is not a readable {kind} file",
        found=str(error),
        remedy="check that the download is complete",
    )
