"""A lock that is waited for, held by one process of all machines that share a file system.

Covers: a file that is locked, and removed when the lock is given back.
Does not cover: file systems without locks; there nothing is waited for.

Example:
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp(), "lock")
    >>> with locked(path):
    ...     path.exists()
    True
    >>> path.exists()
    False
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Holds the lock of a path for the block; waits until no other process has it.

    Args:
        path: the file that stands for the lock; its directory must be there.
    """
    handle = _taken(path)
    try:
        yield
    finally:
        # While it is held: who waits for this file sees that it is gone, and makes another.
        path.unlink(missing_ok=True)
        os.close(handle)


def _taken(path: Path) -> int:
    while True:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            _wait(handle)
            with suppress(FileNotFoundError):
                if os.path.samestat(os.stat(path), os.fstat(handle)):
                    return handle
        except BaseException:
            os.close(handle)
            raise
        os.close(handle)


def _wait(handle: int) -> None:
    try:
        import fcntl
    except ImportError:
        return
    with suppress(OSError):  # a file system without locks
        fcntl.flock(handle, fcntl.LOCK_EX)
