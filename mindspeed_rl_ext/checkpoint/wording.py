"""Lists, sizes and paths as messages show them; errors that several formats raise."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from mindspeed_rl_ext.core.errors import InputError

_UNITS = ("bytes", "kB", "MB", "GB", "TB")


def some(names: Iterable[str], limit: int = 5) -> str:
    """The first names, and how many more there are.

    Example:
        >>> some("abc", limit=2)
        'a, b and 1 more'
    """
    shown = list(names)
    more = f" and {len(shown) - limit} more" if len(shown) > limit else ""
    return ", ".join(shown[:limit]) + more


def in_bytes(number: int) -> str:
    """A number of bytes with the unit that suits it.

    Example:
        >>> [in_bytes(n) for n in (17, 48_600, 3_087_428_608)]
        ['17 bytes', '48.6 kB', '3.09 GB']
    """
    size, at = float(number), 0
    while size >= 999.5 and at < len(_UNITS) - 1:
        size, at = size / 1000, at + 1
    digits = 0 if at == 0 else max(0, 2 - (size >= 10) - (size >= 100))
    return f"{size:.{digits}f} {_UNITS[at]}"


def no_directory(path: Path) -> str:
    """What a path is that should be a directory; "" where it is one.

    Example:
        >>> no_directory(Path("/nowhere")), no_directory(Path("/"))
        ('no such directory', '')
    """
    if path.is_dir():
        return ""
    return "a file, not a directory" if path.exists() else "no such directory"


def no_file(path: Path) -> str:
    """What a path is that should be a file; "" where it is one."""
    if path.is_file():
        return ""
    return "a directory, not a file" if path.is_dir() else "no such file"


def not_tied(embedding: str) -> InputError:
    """The error where a tied model has an output layer of its own.

    Args:
        embedding: the name of the tensor that the output layer should equal.
    """
    return InputError(
        "config.json says tie_word_embeddings, but lm_head.weight is another tensor",
        found=f"lm_head.weight differs from {embedding}",
        remedy="set tie_word_embeddings to false in config.json if both are meant",
    )
