"""Text files that may be compressed, opened alike.

Covers: `.gz` by the standard library, `.zst` by pyarrow; the kind of a file without that suffix; a
file that ends too early, as an error.
Does not cover: Parquet and Arrow, which compress inside; archives of several files.

Example:
    >>> kind_of(Path("rows.jsonl.gz")), kind_of(Path("rows.json"))
    ('.jsonl', '.json')
"""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, cast

from mindspeed_rl_ext.core.errors import InputError, MissingExtraError

GZIP, ZSTD = ".gz", ".zst"
COMPRESSED = (GZIP, ZSTD)


def is_compressed(path: Path) -> bool:
    """Whether a file's name says that it is compressed."""
    return path.suffix.lower() in COMPRESSED


def kind_of(path: Path) -> str:
    """The suffix that tells how a file is read, in small letters."""
    name = path.with_suffix("") if is_compressed(path) else path
    return name.suffix.lower()


def size_of(path: Path) -> int:
    """How many bytes there are to read; 0 where only reading tells."""
    return 0 if is_compressed(path) else path.stat().st_size


@contextmanager
def open_bytes(path: Path) -> Iterator[BinaryIO]:
    """Opens a file for reading its bytes, uncompressed.

    Raises:
        InputError: it is not compressed as its name says, or ends too early; also while the block
            reads it.
        MissingExtraError: `.zst` without pyarrow.
    """
    try:
        with _opened(path) as file:
            yield file
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise _unreadable(path, error) from error
    except OSError as error:
        # pyarrow's errors of zstd have no number, those of the system have one.
        if path.suffix.lower() != ZSTD or error.errno is not None:
            raise
        raise _unreadable(path, error) from error


def _opened(path: Path) -> BinaryIO:
    suffix = path.suffix.lower()
    if suffix == GZIP:
        return cast("BinaryIO", gzip.open(path, "rb"))
    if suffix != ZSTD:
        return path.open("rb")
    try:
        import pyarrow
    except ImportError as error:
        raise MissingExtraError("pyarrow", "data", f"reading {path}") from error
    return cast("BinaryIO", io.BufferedReader(_Unseekable(pyarrow.input_stream(str(path), "zstd"))))


class _Unseekable(io.RawIOBase):
    """A stream of pyarrow as Python's, which ask whether it can seek."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        piece: bytes = self._stream.read(len(buffer))
        buffer[: len(piece)] = piece
        return len(piece)

    def close(self) -> None:
        self._stream.close()
        super().close()


def _unreadable(path: Path, error: BaseException) -> InputError:
    return InputError(
        f"{path} can't be uncompressed",
        found=str(error) or type(error).__name__,
        expected=f"a whole {path.suffix} file",
        remedy="check that the download is complete, and the suffix",
    )
