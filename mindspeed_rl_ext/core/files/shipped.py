"""Where the shipped files are: configs and scripts, from a checkout and from a wheel alike.

Covers: finding `configs/`, `checkpoint_tools/`, `preprocess/`; resolving a config by name.
Does not cover: reading a config.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from mindspeed_rl_ext.core.errors import InputError, nearest

SHIPPED_FOLDERS = ("configs", "checkpoint_tools", "preprocess")
_PACKAGE = Path(__file__).resolve().parents[2]


def shipped_folder(name: str) -> Path:
    """The folder of that name, inside the installed package or at the root of the checkout.

    Raises:
        InputError: the installation lacks it.
    """
    for root in (_PACKAGE / "_shipped", _PACKAGE.parent):
        if (root / name).is_dir() and (root != _PACKAGE.parent or _is_checkout()):
            return root / name
    raise InputError(
        f"the installation has no {name}/",
        found=f"neither {_PACKAGE / '_shipped' / name} nor a checkout",
        remedy="install the package again: pip install --force-reinstall mindspeed-rl-ext",
    )


def resolve_config(name_or_path: str, kind: str, folders: Sequence[Path] = ()) -> Path:
    """The YAML or JSON file that a user means.

    Args:
        name_or_path: a path, or the name of a shipped config with or without its suffix.
        kind: the folder under configs/, such as "datasets"; "" for configs/ itself.
        folders: of the user, looked into before the shipped one.

    Returns:
        The path of an existing file.

    Raises:
        InputError: there is none; the nearest names are given.

    Example:
        >>> resolve_config("templates.json", "").name
        'templates.json'
    """
    if Path(name_or_path).is_file():
        return Path(name_or_path)
    searched = [*folders, shipped_folder("configs") / kind]
    # The first folder wins.
    candidates = {f.name: f for one in reversed(searched) for f in one.glob("*") if f.is_file()}
    by_stem = {f.stem: f for f in candidates.values()}
    found = candidates.get(name_or_path) or by_stem.get(name_or_path)
    if found is None:
        others = "".join(f" or in {folder}" for folder in folders)
        raise InputError(
            f"no config {name_or_path!r}",
            found=f"neither a file nor a name in the shipped configs/{kind}{others}",
            remedy=nearest(name_or_path, by_stem),
        )
    return found


def _is_checkout() -> bool:
    return (_PACKAGE.parent / "pyproject.toml").is_file()
