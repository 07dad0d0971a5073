"""Formats of checkpoints, one sub-package each; `protocol` says what one must have.

Covers: finding a format by name, or by what lies in a directory.
Does not cover: sub-packages without a `FORMAT`; those are parts that several formats share.

Example:
    >>> find_format("mcore").name
    'mg'
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

from mindspeed_rl_ext.checkpoint.formats.protocol import CheckpointReader, Format
from mindspeed_rl_ext.checkpoint.wording import no_directory
from mindspeed_rl_ext.core.errors import InputError
from mindspeed_rl_ext.core.registry import Registry

AUTO = "auto"


def formats() -> Registry[Format]:
    """All formats by name and alias: every sub-package with a `FORMAT`, also one added later."""
    registry: Registry[Format] = Registry("checkpoint format")
    for found in iter_modules(__path__):
        if found.ispkg:
            made = getattr(import_module(f"{__name__}.{found.name}"), "FORMAT", None)
            if isinstance(made, Format):
                for name in (made.name, *made.aliases):
                    registry.register(name, made)
    return registry


def find_format(name: str) -> Format:
    """The format of that name or alias; InputError with the nearest names otherwise."""
    return formats().get(name)


def format_names() -> list[str]:
    """The names of all formats, without aliases."""
    registry = formats()
    return sorted({registry.get(name).name for name in registry})


def recognise(folder: Path) -> Format:
    """The format of the checkpoint in a directory.

    Raises:
        InputError: no checkpoint, or more than one.
    """
    registry = formats()
    known = {registry.get(name).name: registry.get(name) for name in registry}.values()
    found = [one for one in known if one.recognise(folder)]
    if len(found) == 1:
        return found[0]
    if found:
        raise InputError(
            f"{folder} holds checkpoints of several formats",
            found=", ".join(one.title for one in found),
            remedy=f"--load-model-type with one of {', '.join(one.name for one in found)}",
        )
    raise InputError(
        f"no checkpoint in {folder}",
        found=no_directory(folder) or "no format that is known",
        expected=" or ".join(sorted(one.title for one in known)),
        remedy="check the path",
    )


def open_checkpoint(folder: Path, name: str = AUTO) -> CheckpointReader:
    """Opens a checkpoint.

    Args:
        folder: its directory.
        name: its format; "auto" recognises it.

    Raises:
        InputError: it cannot be read.
    """
    made = recognise(folder) if name == AUTO else find_format(name)
    return made.open(folder)
