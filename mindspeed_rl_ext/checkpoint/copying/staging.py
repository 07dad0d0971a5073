"""A destination that appears whole or not at all.

Covers: a staging directory inside the destination (the same file system), one writer at a time,
removal when the work fails or is interrupted, unless it is to be resumed; moving into place, undone
where it fails midway, finished or undone by the next run where it was killed.
Does not cover: which file comes last; the writers say.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from mindspeed_rl_ext.core.errors import InputError
from mindspeed_rl_ext.core.files import write_text_atomic

STAGING_NAME = ".msrl-ext-staging"
_INSTALL, _REPLACED = ".install.json", ".replaced"


@contextmanager
def staging(destination: Path, resume: bool = False) -> Iterator[Path]:
    """Gives a directory to write into, and removes it in the end.

    Args:
        destination: the directory that the files will move to; made where absent, and removed
            again where the work leaves it empty.
        resume: keep what an earlier run left, and keep it again where this one fails.

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
        if not resume:
            _undo_killed(folder, destination)
            shutil.rmtree(folder, ignore_errors=True)  # what a killed run left
        folder.mkdir(exist_ok=resume)
        try:
            yield folder
        except BaseException as error:
            if not resume:
                shutil.rmtree(folder, ignore_errors=True)
            elif isinstance(error, KeyboardInterrupt):
                kept = f"finished files are kept in {folder}"
                raise KeyboardInterrupt(f"{kept}; the same command goes on with them") from error
            raise
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
    (staged / _REPLACED).mkdir(exist_ok=True)
    moves = {"names": list(names), "old": [path.name for path in old]}
    _sync(staged)
    write_text_atomic(staged / _INSTALL, json.dumps(moves))
    try:
        _move(staged, destination, moves)
    except BaseException:
        _undo(staged, destination, moves)
        (staged / _INSTALL).unlink()
        (staged / _REPLACED).rmdir()
        raise


def finish_killed(staged: Path, destination: Path) -> bool:
    """Finishes the moving into place that a kill cut short; False where none had begun."""
    moves = _begun(staged)
    if moves is None:
        return False
    _move(staged, destination, moves)
    return True


def _undo_killed(staged: Path, destination: Path) -> None:
    """Undoes the moving into place that a kill cut short, unless it was done."""
    moves = _begun(staged)
    if moves is not None and (staged / moves["names"][-1]).exists():
        _undo(staged, destination, moves)


def _begun(staged: Path) -> dict[str, list[str]] | None:
    path = staged / _INSTALL
    if not path.is_file():
        return None
    moves: dict[str, list[str]] = json.loads(path.read_text("utf-8"))
    return moves


def _move(staged: Path, destination: Path, moves: dict[str, list[str]]) -> None:
    """Old files aside, new ones into place; each step is skipped where it was done before."""
    aside, names = staged / _REPLACED, moves["names"]
    if (staged / names[0]).exists():
        for name in moves["old"]:
            if not (aside / name).exists():
                os.rename(destination / name, aside / name)
    for name in names:
        if name == names[-1]:
            _sync(destination)
        if (staged / name).exists():
            os.rename(staged / name, destination / name)
    _sync(destination)


def _undo(staged: Path, destination: Path, moves: dict[str, list[str]]) -> None:
    aside = staged / _REPLACED
    for name in reversed(moves["names"]):
        if not (staged / name).exists():
            os.rename(destination / name, staged / name)
    for name in reversed(moves["old"]):
        if (aside / name).exists():
            os.rename(aside / name, destination / name)


def _sync(folder: Path) -> None:
    """Flushes the entries of a directory, and of those below, to disk."""
    for path in (folder, *(p for p in folder.rglob("*") if p.is_dir())):
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
