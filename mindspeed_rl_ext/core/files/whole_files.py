"""Files that appear whole or not at all.

Covers: one file written aside in the same directory, flushed, then renamed.
Does not cover: whole directories of shards; `staging` does.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from mindspeed_rl_ext.core.errors import InputError

# What stops a file while it is written, and carries no name.
_WITHOUT_NAME = (errno.ENOSPC, errno.EFBIG, errno.EDQUOT, errno.EIO)
# Such as `.a.txt.1234.tmp`, of the process 1234.
_ASIDE = ".tmp"


@contextmanager
def open_atomic(path: str | Path) -> Iterator[BinaryIO]:
    """Opens a file for writing bytes that replaces `path` only when the block ends well.

    Raises:
        InputError: the path is a directory.
        OSError: the directory cannot be made or written, the disk is full.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp(), "a.txt")
        >>> with open_atomic(path) as file:
        ...     _ = file.write(b"whole")
        >>> path.read_bytes()
        b'whole'
    """
    path = Path(path)
    if path.is_dir():
        raise InputError(
            f"{path} is a directory", expected="the name of a file", remedy="add a file name"
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}.{os.getpid()}{_ASIDE}")
    try:
        with aside.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(aside, path)
    except OSError as error:
        if error.errno in _WITHOUT_NAME and error.filename is None:
            error.filename = str(path)
        raise
    finally:
        with suppress(FileNotFoundError):
            aside.unlink()


def write_text_atomic(path: str | Path, text: str) -> None:
    """Writes UTF-8 text, whole or not at all."""
    with open_atomic(path) as file:
        file.write(text.encode("utf-8"))


def remove_unfinished(folder: Path) -> None:
    """Removes what killed processes had written aside, in a folder that nobody else writes to."""
    for path in folder.rglob(f".*{_ASIDE}"):
        if path.name.split(".")[-2].isdigit():
            path.unlink()
