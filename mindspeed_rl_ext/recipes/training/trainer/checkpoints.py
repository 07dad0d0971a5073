"""Checkpoints of a training: whole or not counted.

Covers: the mark that is written last, the newest whole checkpoint, what a stopped run left
half-written, old ones removed only after the new one is whole, which faults are of the machine.
Does not cover: what is inside; transformers' Trainer writes it.
"""

from __future__ import annotations

import errno
import json
import logging
import re
import shutil
from pathlib import Path

from mindspeed_rl_ext.core.errors import MachineError
from mindspeed_rl_ext.core.files.whole_files import write_text_atomic

logger = logging.getLogger(__name__)

MARK_FILE = "whole.json"
_NAME = re.compile(r"checkpoint-(\d+)")
_MACHINE_ERRNOS = {
    *(errno.ENOSPC, errno.EDQUOT, errno.EFBIG),
    *(errno.EACCES, errno.EPERM, errno.EROFS, errno.EIO),
}
# What safetensors and torch say in the place of an errno.
_MACHINE_WORDS = (
    "No space left",
    "File too large",
    "quota exceeded",
    "Read-only file system",
    "PytorchStreamWriter failed",
    "unexpected pos",
    "os error 5)",
)


def step_of(checkpoint: Path) -> int:
    """The step of a checkpoint directory.

    Example:
        >>> step_of(Path("out/checkpoint-40"))
        40
    """
    found = _NAME.fullmatch(checkpoint.name)
    return int(found[1]) if found else -1


def checkpoints(folder: Path) -> list[Path]:
    """All checkpoint directories, the newest first, whole or not."""
    found = [path for path in folder.glob("checkpoint-*") if path.is_dir() and step_of(path) >= 0]
    return sorted(found, key=step_of, reverse=True)


def mark_whole(checkpoint: Path) -> None:
    """Writes the mark: the size of every file; called when all of them are there."""
    sizes = {
        str(path.relative_to(checkpoint)): path.stat().st_size
        for path in sorted(checkpoint.rglob("*"))
        if path.is_file() and path.name != MARK_FILE
    }
    write_text_atomic(checkpoint / MARK_FILE, json.dumps(sizes, indent=1) + "\n")


def is_whole(checkpoint: Path) -> bool:
    """Whether the mark is there and every file has the size that it says."""
    try:
        sizes = json.loads((checkpoint / MARK_FILE).read_text(encoding="utf-8"))
        return all((checkpoint / name).stat().st_size == size for name, size in sizes.items())
    except (OSError, ValueError, AttributeError):
        return False


def last_whole(folder: Path) -> Path | None:
    """The newest whole checkpoint, None where there is none."""
    return next((path for path in checkpoints(folder) if is_whole(path)), None)


def remove_partial(folder: Path) -> None:
    """Removes checkpoints that a stopped run left half-written."""
    for path in checkpoints(folder):
        if not is_whole(path):
            logger.warning("%s was not written to the end: removed", path)
            shutil.rmtree(path, ignore_errors=True)


def keep_newest(folder: Path, limit: int | None) -> None:
    """Removes whole checkpoints beyond the newest `limit`; None keeps all."""
    if not limit:
        return
    whole = [path for path in checkpoints(folder) if is_whole(path)]
    for path in whole[limit:]:
        # Without its mark first: a checkpoint that is half removed must not count.
        (path / MARK_FILE).unlink(missing_ok=True)
        shutil.rmtree(path, ignore_errors=True)


def machine_fault(error: BaseException) -> str:
    """What the machine failed at, "" where the error is of another kind.

    Example:
        >>> machine_fault(OSError(28, "No space left on device"))
        '[Errno 28] No space left on device'
        >>> machine_fault(ValueError("a shape"))
        ''
    """
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, MemoryError) or getattr(seen, "errno", None) in _MACHINE_ERRNOS:
            return str(seen)
        if any(word in str(seen) for word in _MACHINE_WORDS):
            return str(seen).splitlines()[0]
        seen = seen.__cause__ or seen.__context__
    return ""


def describe_last_good(folder: Path) -> str:
    """The sentence about what is left after a stop."""
    last = last_whole(folder)
    return f"the last good checkpoint is {last}" if last else "no checkpoint was saved before"


def could_not_save(what: str, fault: str, folder: Path) -> MachineError:
    """The error of a save that the machine did not carry out."""
    return MachineError(
        f"{what} could not be saved",
        found=fault,
        expected=describe_last_good(folder),
        remedy="free disk space, then go on with --resume",
    )
