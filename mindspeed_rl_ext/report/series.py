"""Numbers over steps, and which of them make a curve.

Covers: a metric as a series with its extremes, the table of panels, the entropy that hosts do not
compute and log as 0.
Does not cover: drawing.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from mindspeed_rl_ext import metrics
from mindspeed_rl_ext.metrics import MetricsRow


@dataclass(frozen=True)
class Series:
    """One metric over the steps that logged it.

    Args:
        name: the metric.
        steps: where it was logged, rising.
        values: as many; NaN and infinities may be among them.
    """

    name: str
    steps: tuple[int, ...]
    values: tuple[float, ...]

    @property
    def logged(self) -> bool:
        """False for an entropy that is constant 0: MindSpeed-RL skips it but writes the key."""
        return self.name != metrics.ENTROPY or any(value != 0 for value in self.values)

    @property
    def lowest(self) -> tuple[float, int] | None:
        """The smallest finite value and its first step; None where none is finite."""
        return min(self._finite, default=None, key=lambda pair: pair[0])

    @property
    def highest(self) -> tuple[float, int] | None:
        """The largest finite value and its first step; None where none is finite."""
        return max(self._finite, default=None, key=lambda pair: pair[0])

    @property
    def num_not_finite(self) -> int:
        """How many values are NaN or infinite."""
        return len(self.values) - len(self._finite)

    @cached_property
    def _finite(self) -> list[tuple[float, int]]:
        pairs = zip(self.values, self.steps, strict=True)
        return [(value, step) for value, step in pairs if math.isfinite(value)]


@dataclass(frozen=True)
class Panel:
    """One plot.

    Args:
        title: what it shows, with the unit.
        pattern: which metrics, as a regular expression over the whole name; a group `label`
            names the line.
        bounds: metrics for the lower and the upper edge of a band.
    """

    title: str
    pattern: str
    bounds: tuple[str, str] | None = None


_LENGTH = metrics.RESPONSE_LENGTH
PANELS = (
    Panel("Reward (mean)", re.escape(metrics.REWARD_MEAN)),
    Panel("Score by verifier (mean)", metrics.reward_key(r"(?:grpo/)?(?P<label>[^/]+)")),
    Panel(
        "Response length (tokens)",
        re.escape(f"{_LENGTH}/mean"),
        (f"{_LENGTH}/min", f"{_LENGTH}/max"),
    ),
    Panel("Entropy (nats a token)", re.escape(metrics.ENTROPY)),
    Panel("Groups of equal rewards (fraction)", re.escape(metrics.ZERO_STD_FRACTION)),
    Panel("Gradient norm", re.escape(metrics.GRAD_NORM)),
)


def all_series(rows: Sequence[MetricsRow]) -> dict[str, Series]:
    """Every metric of a run by name, in the order of their first appearance.

    Example:
        >>> all_series([MetricsRow(1, {"a": 0.5}), MetricsRow(3, {"a": 1.0})])["a"].steps
        (1, 3)
    """
    steps: dict[str, list[int]] = {}
    values: dict[str, list[float]] = {}
    for row in rows:
        for name, value in row.values.items():
            steps.setdefault(name, []).append(row.step)
            values.setdefault(name, []).append(value)
    return {name: Series(name, tuple(steps[name]), tuple(values[name])) for name in steps}


def panels_of(series: dict[str, Series]) -> list[tuple[Panel, dict[str, Series]]]:
    """The panels that have data, each with its lines by label."""
    found = []
    for panel in PANELS:
        matches = {name: re.fullmatch(panel.pattern, name) for name in series}
        lines = {
            match.groupdict().get("label") or name: series[name]
            for name, match in matches.items()
            if match is not None
        }
        if lines:
            found.append((panel, lines))
    return found
