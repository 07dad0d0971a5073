"""Copies configs and door scripts out of an installed package, to be edited."""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

from mindspeed_rl_ext.core.errors import InputError
from mindspeed_rl_ext.core.shipped import SHIPPED_FOLDERS, shipped_folder


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the flags of `msrl-ext init`."""
    parser.add_argument("directory", type=Path, metavar="DIR", help="made where it is missing")
    parser.add_argument("--overwrite", action="store_true", help="replace files that are there")


def run(args: argparse.Namespace) -> int:
    """Copies the shipped folders into a directory."""
    copied = copy_shipped(args.directory, overwrite=args.overwrite)
    print(f"copied {copied} files to {args.directory}")
    return 0


def copy_shipped(directory: Path, *, overwrite: bool = False) -> int:
    """Copies every shipped file; returns how many.

    Raises:
        InputError: a file is there already and `overwrite` is not set; nothing is copied then.
    """
    pairs = [
        (source, directory / folder / source.relative_to(root))
        for folder in SHIPPED_FOLDERS
        for root in [shipped_folder(folder)]
        for source in sorted(root.rglob("*"))
        if source.is_file() and "__pycache__" not in source.parts
    ]
    taken = [str(target) for _, target in pairs if target.exists()]
    if taken and not overwrite:
        raise InputError(
            f"{len(taken)} files are there already",
            found=", ".join(taken[:3]) + (", ..." if len(taken) > 3 else ""),
            remedy="choose an empty directory, or give --overwrite",
        )
    for source, target in pairs:
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(source, target)
    return len(pairs)
