"""A JSON array of objects, read in pieces: memory does not grow with the file.

Covers: the rows of one array with the line where each begins; errors that name the line.
Does not cover: any other JSON document.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mindspeed_rl_ext.core.errors import InputError
from mindspeed_rl_ext.preprocess.reading.compressed import kind_of, open_bytes
from mindspeed_rl_ext.preprocess.record import Row

READ_CHARS = 1 << 20


def array_rows(path: Path) -> Iterator[Row]:
    """Yields the objects of a JSON array, holding one piece of the file at a time."""
    with open_text(path) as file:
        pieces = _Pieces(path, file)
        pieces.take("[")
        while pieces.peek() != "]":
            line, value = pieces.value()
            if not isinstance(value, dict):
                raise _not_an_object(path, line, repr(value))
            yield Row(line, value, read_bytes(file))
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
                raise unreadable(self._path, self._line, "the end of the file", "array not closed")

    def take(self, mark: str) -> None:
        """Takes one character that must come next."""
        found = self.peek()
        if found != mark:
            raise unreadable(self._path, self._line, self._near(), f"expected {mark!r}")
        self._at += 1

    def value(self) -> tuple[int, Any]:
        """Takes the next JSON value; returns the line where it begins with it."""
        self.peek()
        while True:
            try:
                value, end = self._decoder.raw_decode(self._text, self._at)
            except RecursionError as error:
                raise unreadable(self._path, self._line, self._near(), str(error)) from error
            except json.JSONDecodeError as error:
                if not _may_be_cut(error) or not self._more():
                    line = self._line + self._text.count("\n", self._at, error.pos)
                    raise unreadable(self._path, line, self._near(), error.msg) from error
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


@contextmanager
def open_text(path: Path) -> Iterator[io.TextIOWrapper]:
    """Opens a file of UTF-8 text, which may be compressed; line ends stay as they are."""
    with open_bytes(path) as file:
        yield io.TextIOWrapper(file, encoding="utf-8-sig", newline="")


def read_bytes(file: io.TextIOWrapper) -> int:
    """How much of an open text file has been read, in bytes."""
    stream: Any = file.buffer
    return int(stream.tell()) if stream.seekable() else 0


def _read(file: Any, path: Path) -> str:
    try:
        return str(file.read(READ_CHARS))
    except UnicodeDecodeError as error:
        raise not_utf8(path, error) from error


def not_utf8(path: Path, error: UnicodeDecodeError) -> InputError:
    """The error for a file that is not UTF-8."""
    return InputError(
        f"{path} is not UTF-8",
        found=f"byte 0x{error.object[error.start]:02x}",
        expected="UTF-8 text",
        remedy="convert the file, for example with iconv",
    )


def unreadable(path: Path, line: int, found: str, problem: str | None) -> InputError:
    """The error for a line that does not parse."""
    return InputError(
        f"{path}, line {line} is not readable",
        found=f"{found} ({problem})" if problem else found,
        expected="an array of objects" if kind_of(path) == ".json" else "",
        remedy="fix or remove the row",
    )


def _not_an_object(path: Path, line: int, text: str) -> InputError:
    return InputError(
        f"{path}, line {line} is not a JSON object",
        found=text[:80],
        expected='{"column": value, ...}',
        remedy="write one object per row",
    )
