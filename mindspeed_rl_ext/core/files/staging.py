"""Files of one result that appear all together or not at all: checkpoints, packed files, policies.

Covers: a staging folder inside the destination (the same file system), one writer at a time;
removal when the work fails or is interrupted, unless it is to be resumed; moving into place with
the old files kept aside until all new ones are there, undone where it fails midway, finished or
undone by the next run where it was killed; removal of what killed runs have left.
Does not cover: one single file, `files` does; which file makes the result readable, callers name it
last; file systems without locks, where a folder that may be in use is named and left.

Example:
    >>> import tempfile
    >>> out = Path(tempfile.mkdtemp(), "model")
    >>> with staging(out, writer="doctest", option="--save-dir") as folder:
    ...     _ = (folder / "weights").write_text("1")
    ...     _ = (folder / "config").write_text("2")
    ...     install(folder, out, ["weights", "config"])
    >>> sorted(path.name for path in out.iterdir())
    ['config', 'weights']
"""

from __future__ import annotations

import json
import logging
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypedDict

from mindspeed_rl_ext.core.errors import InputError
from mindspeed_rl_ext.core.files.whole_files import remove_unfinished, write_text_atomic

logger = logging.getLogger(__name__)

STAGING_NAME = ".msrl-ext-staging"
_INSTALL, _REPLACED = ".install.json", ".replaced"


class _Moves(TypedDict):
    """What `install` moves, by name: new files into place, old ones aside."""

    names: list[str]
    old: list[str]


@contextmanager
def staging(
    destination: Path,
    *,
    writer: str,
    option: str,
    name: str = STAGING_NAME,
    resume: bool = False,
) -> Iterator[Path]:
    """Gives a folder to write into, and removes it in the end.

    Args:
        destination: the directory that the files will move to; made where absent, and removed
            again where the work leaves it empty.
        writer: what writes, for messages, such as "conversion".
        option: the option that names the destination, for messages.
        name: of the staging folder; writers with different names do not meet.
        resume: keep what an earlier run left, and keep it again where this one fails.

    Raises:
        InputError: another process writes there.
    """
    made = _missing(destination)
    folder = destination / name
    try:
        handle, sure = _locked(folder, writer, option)
        try:
            _sync(*{path.parent for path in made})
            if not resume:
                _clear(folder, destination, sure)
            elif sure:
                remove_unfinished(folder)
            with _discarding(folder, destination, resume):
                yield folder
        finally:
            os.close(handle)
    finally:
        for path in made:
            with suppress(OSError):
                path.rmdir()


@contextmanager
def _discarding(folder: Path, destination: Path, resume: bool) -> Iterator[None]:
    """Removes the folder after the block; where that fails, keeps what can be resumed."""
    try:
        yield
    except BaseException as error:
        if resume:
            with suppress(OSError):  # of what is not empty
                folder.rmdir()
        else:
            _discard(folder, destination)
        if resume and folder.exists() and isinstance(error, KeyboardInterrupt):
            kept = f"finished files are kept in {folder}"
            raise type(error)(f"{kept}; the same command goes on with them") from error
        raise
    _discard(folder, destination)


def install(
    staged: Path, destination: Path, names: Sequence[str], old: Sequence[Path] = ()
) -> None:
    """Moves finished files into place; what fails or is interrupted midway is undone.

    Args:
        staged: the staging folder.
        destination: where to.
        names: the files or folders to move, in order; the last one makes the result readable. One
            inside a folder ("a/b") moves into that of the destination, beside what is there.
        old: what is replaced, the one that makes it readable first.
    """
    below = [str(path.relative_to(destination)) for path in old]
    moves: _Moves = {"names": list(names), "old": below}
    (staged / _REPLACED).mkdir(exist_ok=True)
    made = [path for name in names for path in (staged / name).rglob("*") if path.is_dir()]
    _sync(staged, *(staged / name for name in names if (staged / name).is_dir()), *made)
    write_text_atomic(staged / _INSTALL, json.dumps(moves))
    try:
        _move(staged, destination, moves)
    except BaseException:
        _undo(staged, destination, moves)
        raise


def finish_killed(staged: Path, destination: Path) -> bool:
    """Finishes the moving into place that a kill cut short; False where none had begun."""
    moves = _begun(staged)
    if moves is None:
        return False
    _move(staged, destination, moves)
    return True


def recover(destination: Path, name: str = STAGING_NAME) -> None:
    """Undoes the moving into place that a kill cut short, and removes what it left.

    Args:
        destination: the directory that the files were to move to.
        name: of the staging folder; one that a run is using, or may be using, is left alone.
    """
    folder = destination / name
    if not folder.is_dir():
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        if _try_lock(handle):
            _clear(folder, destination, sure=True)
            _discard(folder, destination)
    finally:
        os.close(handle)


def _missing(destination: Path) -> list[Path]:
    """The directories that are missing, innermost first."""
    return [path for path in (destination, *destination.parents) if not path.exists()]


def _locked(folder: Path, writer: str, option: str) -> tuple[int, bool]:
    """Makes the folder and locks it; the open handle, and whether nobody else can have it."""
    while True:
        folder.mkdir(parents=True, exist_ok=True)
        try:
            handle = os.open(folder, os.O_RDONLY)
        except FileNotFoundError:
            continue  # its run has just ended and removed it
        free = _try_lock(handle)
        if free is False:
            os.close(handle)
            raise InputError(
                f"another {writer} is writing into {folder.parent}",
                found=f"its files in {folder}",
                remedy=f"wait for it, or choose another {option}",
            )
        with suppress(FileNotFoundError):
            if os.path.samestat(os.stat(folder), os.fstat(handle)):
                return handle, bool(free)
        os.close(handle)


def _try_lock(handle: int) -> bool | None:
    """Whether the lock could be taken; None where the file system has none."""
    try:
        import fcntl
    except ImportError:
        return None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return None
    return True


def _clear(folder: Path, destination: Path, sure: bool) -> None:
    """Removes what a killed run left in the folder, its moving into place undone."""
    left = list(folder.iterdir())
    if not left:
        return
    if not sure:
        raise InputError(
            f"{folder} may be in use: its file system has no locks",
            found=", ".join(path.name for path in left[:3]),
            remedy="remove it if no run is going on",
        )
    _undo_killed(folder, destination)
    for path in folder.iterdir():
        shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
    logger.warning("removed what a killed run had left in %s", folder)


def _discard(folder: Path, destination: Path) -> None:
    """Removes the folder; what was replaced is put back first where the new files are not there."""
    _undo_killed(folder, destination)
    shutil.rmtree(folder, ignore_errors=True)


def _undo_killed(folder: Path, destination: Path) -> None:
    """Undoes a moving into place that was begun, unless it was done to the end."""
    moves = _begun(folder)
    if moves is not None and (folder / moves["names"][-1]).exists():
        _undo(folder, destination, moves)


def _begun(staged: Path) -> _Moves | None:
    path = staged / _INSTALL
    if not path.is_file():
        return None
    moves: _Moves = json.loads(path.read_text("utf-8"))
    return moves


def _move(staged: Path, destination: Path, moves: _Moves) -> None:
    """Old files aside, new ones into place; each step is skipped where it was done before."""
    aside, names = staged / _REPLACED, moves["names"]
    if (staged / names[0]).exists():
        for name in moves["old"]:
            if not (aside / name).exists():
                _rename(destination / name, aside / name)
    into = {(destination / name).parent for name in names} - {destination}
    for name in names:
        if name == names[-1]:
            _sync(*(path for path in into if path.is_dir()), destination)
        if (staged / name).exists():
            _rename(staged / name, destination / name)
    _sync(*into, destination)


def _rename(path: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    os.rename(path, target)


def _undo(staged: Path, destination: Path, moves: _Moves) -> None:
    """New files back, then the old ones; where it fails, the next run of that name goes on."""
    aside = staged / _REPLACED
    for name in reversed(moves["names"]):
        if not (staged / name).exists():
            _rename(destination / name, staged / name)
            _remove_empty(destination / name, destination)
    for name in reversed(moves["old"]):
        if (aside / name).exists():
            _rename(aside / name, destination / name)
            _remove_empty(aside / name, aside)
    (staged / _INSTALL).unlink()
    aside.rmdir()


def _remove_empty(path: Path, below: Path) -> None:
    """Removes the folders above a path that are empty now, as far as another folder."""
    for folder in path.relative_to(below).parents:
        with suppress(OSError):  # something else is in it
            if folder != Path():
                (below / folder).rmdir()


def _sync(*folders: Path) -> None:
    """Flushes the entries of directories to disk."""
    for path in folders:
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
