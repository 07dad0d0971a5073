"""What a reader hands over: rows in the order of the file, and the lines it could not read.

Covers: the record, the bounded list of examples.
Does not cover: merging rows into one run; `table` does.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mindspeed_rl_ext.report.sources.rows import Rows

MAX_EXAMPLES = 3
_MAX_STEP = 2**62


@dataclass
class Broken:
    """Lines that were skipped.

    Args:
        count: how many.
        examples: number and fault of the first few.
    """

    count: int = 0
    examples: list[tuple[int, str]] = field(default_factory=list)

    def add(self, line: int, why: str) -> None:
        """Counts one line."""
        self.count += 1
        if len(self.examples) < MAX_EXAMPLES:
            self.examples.append((line, why))

    def __str__(self) -> str:
        shown = "; ".join(f"line {line}: {why}" for line, why in self.examples)
        return shown + ("; ..." if self.count > len(self.examples) else "")


@dataclass(frozen=True)
class FileRead:
    """One file of metrics.

    Args:
        path: the file.
        kind: "metrics", "console log", "trainer state" or "tensorboard".
        rows: step and numbers, in the order of the file, under the file's own names.
        broken: lines that could not be read.
        numbered: the file names no steps; rows are numbered by their order.
    """

    path: Path
    kind: str
    rows: Rows
    broken: Broken = field(default_factory=Broken)
    numbered: bool = False


def numbers_of(values: Mapping[str, Any]) -> Mapping[str, float]:
    """The numbers of a mapping; None (nothing to average) and booleans are left out.

    Raises:
        ValueError: a value that is no number; it names the key.

    Example:
        >>> numbers_of({"a": 1, "b": None, "c": "nan"})
        {'a': 1.0, 'c': nan}
    """
    if set(map(type, values.values())) == {float}:
        return values
    found = {}
    for name, value in values.items():
        if value is None or value is True or value is False:
            continue
        try:
            found[name] = float(value)
        except (TypeError, ValueError, OverflowError):
            raise ValueError(f"{name} is no number") from None
    return found


def whole(value: Any) -> int | None:
    """A step as an integer; None where it is none.

    Example:
        >>> whole(3), whole(3.0), whole(3.5), whole(True), whole("3")
        (3, 3, None, None, None)
    """
    if type(value) is int:
        return value if abs(value) < _MAX_STEP else None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        return None
    return int(value) if value == int(value) and abs(value) < _MAX_STEP else None
