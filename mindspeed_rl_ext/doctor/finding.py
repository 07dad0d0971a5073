"""What a check says: a level, a cause, a place and a remedy.

Covers: the type and its text. Does not cover: finding; the other modules of this room do.

Example:
    >>> print(Finding("warning", "click 8.3.0 breaks the ray command", "packages", "pin click"))
    warning  click 8.3.0 breaks the ray command
             place:  packages
             remedy: pin click
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Level = Literal["error", "warning", "info"]


@dataclass(frozen=True)
class Finding:
    """One thing that a check found.

    Args:
        level: `error` will break a run or lose rewards in silence, `warning` may, `info` tells.
        cause: what is the matter, with the value that was found.
        place: file, key or variable.
        remedy: what to do; empty for `info`.
    """

    level: Level
    cause: str
    place: str
    remedy: str = ""

    def __str__(self) -> str:
        if self.level == "info":
            return f"{'info':<9}{self.cause} ({self.place})"
        rows = [f"{self.level:<9}{self.cause}", f"{'':9}place:  {self.place}"]
        return "\n".join([*rows, f"{'':9}remedy: {self.remedy}"] if self.remedy else rows)
