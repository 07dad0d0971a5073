"""A launch script as one can read it without running it.

Covers: `NAME=value` and `export NAME=value` with plain values and `${NAME:-value}`; its rows.
Does not cover: what a shell would compute.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from mindspeed_rl_ext.core.errors import InputError
from mindspeed_rl_ext.core.language import Text
from mindspeed_rl_ext.core.rules import Place

_SETS = re.compile(r"^\s*(?:export\s+)?([A-Z][A-Z0-9_]*)=(\"[^\"]*\"|'[^']*'|[^\s#;]*)")
_DEFAULT = re.compile(r"^\$\{[A-Z0-9_]+:?-([^}]*)\}$")
# What hosts' examples leave to be filled in.
_PLACEHOLDER = re.compile(
    r"(?i)\byour\b|^<.*>$|\bx{3,}\b|\bfor (?:master|current) node\b|^(?:/?path)?[/_ ]?to[/_ ]"
)


@dataclass(frozen=True)
class LaunchScript:
    """A script.

    Args:
        path: the file.
        sets: variable to value and line.
        rows: its lines.
        needed: cards that the configuration beside it asks for.
    """

    label: ClassVar[Text] = Text("launch script", "启动脚本")

    path: Path
    sets: Mapping[str, tuple[str, int]]
    rows: tuple[str, ...]
    needed: int | None = None

    def get(self, name: str) -> str:
        """The value of a variable; "" where it is not set."""
        return self.sets.get(name, ("", 0))[0]

    def place(self, name: str) -> Place:
        """Where a variable is set."""
        return Place(str(self.path), name, self.sets.get(name, ("", 0))[1])


def read_script(path: Path, needed: int | None = None) -> LaunchScript:
    """Reads a launch script.

    Args:
        path: the file.
        needed: cards that the configuration beside it asks for.

    Raises:
        InputError: no such file, or not UTF-8.
    """
    try:
        rows = tuple(path.read_text("utf-8").splitlines())
    except (FileNotFoundError, IsADirectoryError, UnicodeDecodeError) as error:
        raise InputError(
            f"{path} is not a readable script", found=str(error), remedy="check the path"
        ) from error
    sets: dict[str, tuple[str, int]] = {}
    for number, row in enumerate(rows, start=1):
        match = _SETS.match(row)
        if match:
            value = match.group(2).strip("\"'")
            default = _DEFAULT.match(value)
            sets.setdefault(match.group(1), (default.group(1) if default else value, number))
    return LaunchScript(path, sets, rows, needed)


def is_placeholder(value: str) -> bool:
    """Whether a value is still that of a host's example.

    Example:
        >>> is_placeholder("Your SOCKET IFNAME"), is_placeholder("eth0")
        (True, False)
    """
    return bool(_PLACEHOLDER.search(value))
