"""The directory that a conversion writes into: what it may replace, and whether the disk is enough.

Covers: source and destination kept apart, links and iterations resolved; free disk against what is
still to be written.
Does not cover: writing into it.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path

from mindspeed_rl_ext.checkpoint.formats.protocol import CheckpointWriter
from mindspeed_rl_ext.checkpoint.options import ConvertOptions
from mindspeed_rl_ext.core.errors import InputError


def check_replaceable(options: ConvertOptions, writer: CheckpointWriter) -> None:
    """Raises InputError where save_dir holds a checkpoint that must not be replaced."""
    found = writer.existing(options.save_dir)
    if found and not options.overwrite:
        raise InputError(
            f"{options.save_dir} holds a checkpoint already",
            found=found[0].name,
            remedy="--overwrite replaces it",
        )


def check_apart(save_dir: Path, read: Iterable[Path], replaced: Iterable[Path]) -> None:
    """Checks that nothing that is read is written over.

    Args:
        save_dir: the destination.
        read: directories and files that the conversion reads.
        replaced: what it replaces below the destination.

    Raises:
        InputError: the destination is what is read, or replaces it.
    """
    destination = save_dir.resolve()
    gone = [path.resolve() for path in replaced] + [path.absolute() for path in replaced]
    for path in read:
        found = path.resolve()
        if found == destination:
            raise _not_apart(save_dir, f"{path} is {save_dir}")
        for old in gone:
            if found == old or old in found.parents:
                raise _not_apart(save_dir, f"{path} is in {old}, which would be replaced")


def _not_apart(save_dir: Path, found: str) -> InputError:
    return InputError(
        "--save-dir is the directory that is read from",
        found=found,
        remedy=f"another directory, such as {save_dir / 'mg2hf'}",
    )


def free_disk(folder: Path) -> int:
    """Free bytes where the directory is or will be."""
    while not folder.exists():
        folder = folder.parent if folder.parent != folder else Path(".")
    return shutil.disk_usage(folder).free


def staged_bytes(staged: Path) -> int:
    """Bytes on disk that an earlier run left staged: this run goes on with them or removes them."""
    found = staged.rglob("*")
    return sum(path.lstat().st_blocks * 512 for path in found if path.is_file())
