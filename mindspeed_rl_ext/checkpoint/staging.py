"""A destination that appears whole or not at all.

Covers: a staging directory inside the destination (the same file system), one writer at a time,
removal when the work fails or is interrupted.
Does not cover: what is moved in which order; the writers say.
"""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from mindspeed_rl_ext.errors import InputError

STAGING_NAME = ".msrl-ext-staging"


@contextmanager
def staging(destination: Path) -> Iterator[Path]:
    """Gives an empty directory to write into, and removes it in the end.

    Args:
        destination: the directory that the files will move to; made where absent, and removed
            again where the work leaves it empty.

    Raises:
        InputError: another process writes into the destination.
    """
    made = _make(destination)
    handle = os.open(destination, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise InputError(
                f"another conversion is writing into {destination}",
                remedy="wait for it, or choose another --save-dir",
            ) from error
        folder = destination / STAGING_NAME
        shutil.rmtree(folder, ignore_errors=True)  # what a killed run left
        folder.mkdir()
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    finally:
        os.close(handle)
        for path in made:
            with suppress(OSError):
                path.rmdir()


def _make(destination: Path) -> list[Path]:
    """Makes the directory; returns those that were missing, innermost first."""
    missing = [path for path in (destination, *destination.parents) if not path.exists()]
    destination.mkdir(parents=True, exist_ok=True)
    return missing


def sync_tree(folder: Path) -> None:
    """Flushes every directory below to disk; files are flushed where they are written."""
    for path in (folder, *(p for p in folder.rglob("*") if p.is_dir())):
        sync_dir(path)


def sync_dir(folder: Path) -> None:
    """Flushes a directory's entries to disk."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
