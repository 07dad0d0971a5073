"""Staging folders that a killed run left behind.

Covers: telling them from those of a run that is still going, by a lock that dies with the process;
removing them before the next run of that prefix, with a word in the log.
Does not cover: file systems without locks, where a folder is named and left; what the checkpoint
room leaves, which `--resume` needs.
"""

from __future__ import annotations

import logging
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

logger = logging.getLogger(__name__)

# A run makes its folder first and locks it next: a younger folder may be between the two.
MIN_AGE_S = 30.0


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Holds a folder's lock while the block runs, where the file system has locks."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        _try_lock(descriptor)
        yield
    finally:
        os.close(descriptor)


def remove_abandoned(parent: Path, pattern: str) -> None:
    """Removes folders that match and whose run is gone; names those that it can't judge.

    Args:
        parent: where staging folders are made.
        pattern: their names, as `Path.glob` reads it.
    """
    for folder in parent.glob(pattern):
        if not folder.is_dir() or time.time() - folder.stat().st_mtime < MIN_AGE_S:
            continue
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            free = _try_lock(descriptor)
        finally:
            os.close(descriptor)
        if free:
            shutil.rmtree(folder, ignore_errors=True)
            logger.warning("removed %s, which a killed run had left", folder)
        elif free is None:
            logger.warning("%s may be left of a killed run; remove it if none is going on", folder)


def _try_lock(descriptor: int) -> bool | None:
    """Whether the lock could be taken; None where the file system has none."""
    try:
        import fcntl
    except ImportError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return None
    return True
