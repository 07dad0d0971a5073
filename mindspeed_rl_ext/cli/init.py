"""Copies configs and scripts out of an installed package, to be edited."""

from __future__ import annotations

import argparse
import shutil
from dataclasses import dataclass
from pathlib import Path

from mindspeed_rl_ext.cli._output import show
from mindspeed_rl_ext.core.errors import InputError
from mindspeed_rl_ext.core.files.shipped import SHIPPED_FOLDERS, shipped_folder
from mindspeed_rl_ext.core.options import add_options, build_options, given_options, option

DESCRIPTION_ZH = "把随包的配置和脚本复制出来，供修改。"


@dataclass(frozen=True)
class InitOptions:
    """Where to copy."""

    directory: Path = option(
        "made where it is missing", "不存在时会创建", flag="directory", metavar="DIR"
    )
    overwrite: bool = option("replace files that are there", "替换已有的文件", default=False)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the flags of `msrl-ext init`."""
    add_options(parser, InitOptions)


def run(args: argparse.Namespace) -> int:
    """Copies the shipped folders into a directory."""
    options = build_options(InitOptions, ("flags", given_options(InitOptions, args)))
    copied = copy_shipped(options.directory, overwrite=options.overwrite)
    show(f"copied {copied} files to {options.directory}")
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
