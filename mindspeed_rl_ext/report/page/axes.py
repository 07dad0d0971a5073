"""The ranges of a chart, round numbers along them, numbers as text.

Covers: any float64; a rare spike may leave the chart.
Does not cover: drawing; `charts` does.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mindspeed_rl_ext.report.series import Series

BOX = 1000.0
_TICKS = 4
_LEAST = 1e-300  # a difference that can still be divided
_MOST = sys.float_info.max
_SPIKES_FROM_POINTS = 200


@dataclass(frozen=True)
class Axes:
    """The ranges of a chart."""

    first: float
    last: float
    low: float
    high: float

    def x(self, steps: np.ndarray) -> np.ndarray:
        """Steps to box units."""
        return (steps - self.first) / (self.last - self.first or 1.0) * BOX

    def y(self, values: np.ndarray) -> np.ndarray:
        """Values to box units, from the top."""
        # In halves: the distance of the largest numbers is no number.
        height = self.high / 2 - self.low / 2 or 0.5
        return (self.high / 2 - values / 2) / height * BOX


def number_text(value: float) -> str:
    """A number in at most four significant digits, without an exponent where it is readable.

    Example:
        >>> [number_text(x) for x in (0.25, 1234567.0, 12345.6, float("nan"), 1e-06, 0.0)]
        ['0.25', '1.235e+06', '12346', 'nan', '1e-06', '0']
    """
    if math.isfinite(value) and 1000 <= abs(value) < 100_000:
        return f"{value:.0f}"
    return f"{value:.4g}"


def ticks(low: float, high: float, count: int = _TICKS) -> list[float]:
    """Round numbers from low to high, about `count` of them.

    Example:
        >>> ticks(0.0, 1.0), ticks(3.0, 47.0)
        ([0.0, 0.25, 0.5, 0.75, 1.0], [10.0, 20.0, 30.0, 40.0])
    """
    rough = (high / 2 - low / 2) / count * 2
    if rough < _LEAST:
        return [low]
    power = 10.0 ** math.floor(math.log10(rough))
    step = min((1, 2, 2.5, 5, 10), key=lambda nice: abs(nice * power - rough)) * power
    start = math.ceil(low / step - 1e-9)
    end = min(high + step * 1e-9, _MOST)
    found: list[float] = []
    while start * step <= end and len(found) < 3 * count:
        mark = float(f"{start * step:.10g}")
        found.append(mark if math.isfinite(mark) else start * step)
        start += 1
    return found


def axes_of(lines: Sequence[Series], bounds: Sequence[Series]) -> Axes:
    """The ranges that hold some lines and the bounds of a band."""
    first = min(float(line.steps[0]) for line in lines)
    last = max(float(line.steps[-1]) for line in lines)
    lows, highs = [], []
    for line in (*lines, *bounds):
        low, high = _range(line)
        lows.append(low)
        highs.append(high)
    low, high = min(lows), max(highs)
    if low > 0 and low < 0.6 * high:
        low = 0.0
    if high / 2 - low / 2 > _LEAST:
        room = 0.12 * (high / 2 - low / 2)
        low, high = (low if low == 0 else low - room), high + room
    elif abs(high) < 2 * _LEAST:
        low, high = 0.0, 1.0
    else:
        low, high = low - abs(low) * 0.5, high + abs(high) * 0.5
    return Axes(first, last, max(low, -_MOST), min(high, _MOST))


def _range(line: Series) -> tuple[float, float]:
    """Lowest and highest value to draw: a rare spike may leave the chart."""
    values = line.finite.values
    if not len(values):
        return 0.0, 0.0
    if len(values) < _SPIKES_FROM_POINTS:
        return float(values.min()), float(values.max())
    low, high = np.percentile(values, [0.5, 99.5])
    smooth = line.smooth[np.isfinite(line.smooth)]
    return min(float(low), float(smooth.min())), max(float(high), float(smooth.max()))
