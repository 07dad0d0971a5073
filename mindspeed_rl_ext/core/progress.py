"""Progress of long work: a tqdm bar on a terminal, plain lines elsewhere.

Covers: counts and bytes with a known total. Output goes to standard error.
Does not cover: nested bars.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol


class Progress(Protocol):
    """What the work calls: `advance(n)` after n more units."""

    def advance(self, amount: int = 1) -> None:
        """Counts `amount` more units as done."""


class _Lines:
    """Plain lines: the first, then one every `every_s` seconds, then the last."""

    def __init__(self, label: str, total: int, unit: str, every_s: float = 10.0) -> None:
        self._label, self._total, self._unit, self._every_s = label, total, unit, every_s
        self._done, self._start_s = 0, time.monotonic()
        self._next_s = self._start_s + every_s

    def advance(self, amount: int = 1) -> None:
        self._done += amount
        now_s = time.monotonic()
        if now_s >= self._next_s:
            self._next_s = now_s + self._every_s
            self.say()

    def say(self) -> None:
        spent_s = time.monotonic() - self._start_s
        done, total = (_scaled(n, self._unit) for n in (self._done, self._total))
        if sys.stderr is not None:  # None where it was closed
            sys.stderr.write(f"{self._label}: {done} of {total} in {spent_s:.1f} s\n")
            sys.stderr.flush()


class _Bar:
    def __init__(self, label: str, total: int, unit: str) -> None:
        from tqdm import tqdm

        self._bar = tqdm(total=total, desc=label, unit=unit, unit_scale=unit == "B", leave=True)

    def advance(self, amount: int = 1) -> None:
        self._bar.update(amount)

    def close(self) -> None:
        self._bar.close()


@contextmanager
def progress(label: str, total: int, unit: str = "it") -> Iterator[Progress]:
    """Shows progress while the block runs.

    Args:
        label: what is being done.
        total: number of units in all.
        unit: the unit; "B" for bytes.

    Example:
        >>> with progress("rows", total=2) as shown:
        ...     shown.advance(2)
    """
    if sys.stderr is not None and sys.stderr.isatty():
        bar = _Bar(label, total, unit)
        try:
            yield bar
        finally:
            bar.close()
    else:
        lines = _Lines(label, total, unit)
        yield lines
        lines.say()


def _scaled(number: int, unit: str) -> str:
    if unit != "B":
        return f"{number} {unit}"
    size = float(number)
    for name in ("B", "kB", "MB"):
        if size < 1000:
            return f"{size:.3g} {name}"
        size /= 1000
    return f"{size:.2f} GB"
