"""A destination that appears whole or not at all.

Covers: a staging directory inside the destination (the same file system), one writer at a time,
removal when the work fails or is interrupted; moving into place, undone where it fails midway.
Does not cover: which file comes last; the writers say.
"""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator, Sequence
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


def install(staged: Path, destination: Path, names: Sequence[str], old: Sequence[Path]) -> None:
    """Moves finished files into place; what fails or is interrupted midway is undone.

    Args:
        staged: the staging directory.
        destination: where to.
        names: what to move, in order; the last one makes the checkpoint loadable.
        old: what is replaced, the one that makes it loadable first.
    """
    aside = staged / ".replaced"
    aside.mkdir()
    _sync(staged)
    try:
        for path in old:
            os.rename(path, aside / path.name)
        for name in names[:-1]:
            os.rename(staged / name, destination / name)
        _sync(destination)
        os.rename(staged / names[-1], destination / names[-1])
        _sync(destination)
    except BaseException:
        for name in reversed(names):
            if not (staged / name).exists():
                os.rename(destination / name, staged / name)
        for path in reversed(old):
            if (aside / path.name).exists():
                os.rename(aside / path.name, path)
        raise


def _sync(folder: Path) -> None:
    """Flushes the entries of a directory, and of those below, to disk."""
    for path in (folder, *(p for p in folder.rglob("*") if p.is_dir())):
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
