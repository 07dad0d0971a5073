"""What a YAML file holds, with the line of every key.

Covers: places for findings, tables at a path of keys.
Does not cover: reading; `yaml_file` does, and is imported when there is a file to read.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mindspeed_rl_ext.doctor.finding import Place

KeyPath = tuple[str, ...]


@dataclass(frozen=True)
class Document:
    """One file.

    Args:
        path: the file, as the user named it.
        value: what it holds.
        lines: path of keys to line, from 1.
    """

    path: Path
    value: Any
    lines: Mapping[KeyPath, int] = field(default_factory=dict)

    def place(self, *keys: str) -> Place:
        """Where a key is; the nearest key around it where it is not there."""
        line = next(
            (self.lines[keys[:n]] for n in range(len(keys), 0, -1) if keys[:n] in self.lines), 0
        )
        return Place(str(self.path), ".".join(keys), line)

    def table(self, *keys: str) -> Mapping[str, Any]:
        """The table at a path of keys; empty where there is none."""
        here = self.value
        for key in keys:
            here = here.get(key) if isinstance(here, Mapping) else None
        return here if isinstance(here, Mapping) else {}
