"""JSON Lines files: read with line numbers in errors, written whole or not at all.

Covers: UTF-8 text, one JSON object per line, blank lines skipped.
Does not cover: JSON arrays, CSV, Parquet; `preprocess.readers` does.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from mindspeed_rl_ext.core.errors import InputError, shorten
from mindspeed_rl_ext.core.files.whole_files import open_atomic


def read_jsonl(path: str | Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yields `(line_number, row)`, the first line being 1.

    Raises:
        InputError: no such file, not UTF-8, a line that is not a JSON object.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp(), "rows.jsonl")
        >>> write_jsonl(path, [{"a": 1}])
        1
        >>> list(read_jsonl(path))
        [(1, {'a': 1})]
    """
    path = Path(path)
    if path.is_dir():
        raise InputError(f"{path} is a directory", expected="a file of JSON lines")
    if not path.exists():
        raise InputError(f"no such file: {path}", remedy="check the path")
    with path.open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            if line.strip():
                yield number, parse_object(line, f"{path}, line {number}")


def parse_object(line: bytes, place: str) -> dict[str, Any]:
    """Parses one JSON object; `place` names it in errors."""
    try:
        text = line.decode("utf-8-sig" if line.startswith(b"\xef\xbb\xbf") else "utf-8")
    except UnicodeDecodeError as error:
        raise InputError(
            f"{place} is not UTF-8",
            found=f"byte 0x{line[error.start]:02x} at offset {error.start}",
            expected="UTF-8 text",
            remedy="convert the file, for example with iconv",
        ) from error
    try:
        row = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(
            f"{place} is not readable JSON",
            found=f"{shorten(text.strip())} ({error})",
            expected="one JSON object per line",
            remedy="fix or remove the line",
        ) from error
    if not isinstance(row, dict):
        raise InputError(
            f"{place} is not a JSON object",
            found=shorten(text.strip()),
            expected='{"column": value, ...}',
            remedy="write one object per line",
        )
    return row


def write_jsonl(path: str | Path, rows: Iterable[Mapping[str, Any]]) -> int:
    """Writes rows, the file appearing only when all are written; returns how many."""
    count = 0
    with open_atomic(path) as file:
        for row in rows:
            file.write(json.dumps(row, ensure_ascii=False).encode("utf-8", "surrogatepass") + b"\n")
            count += 1
    return count
