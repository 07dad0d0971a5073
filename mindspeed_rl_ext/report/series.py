"""Numbers over steps, and which of them make a curve.

Covers: a metric as a series with its extremes, running means, thinning for drawing, the table of
panels, the entropy that hosts do not compute and log as 0.
Does not cover: drawing.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from mindspeed_rl_ext.core.responses import metrics
from mindspeed_rl_ext.report.sources.names import KL, LENGTH, REWARD_NAMES

_REACHES_PER_RUN = 30
SMOOTH_FROM_POINTS = 20
_LARGE = 1e290  # sums of larger numbers may overflow
_MOST = sys.float_info.max
# Of numbers near the end of float64 some statistics are infinite; the report shows them as such.
NEAR_THE_END: Mapping[str, Any] = {"over": "ignore", "invalid": "ignore"}


@dataclass(frozen=True, eq=False)
class Series:
    """One metric over the steps that logged it.

    Args:
        name: the metric.
        steps: int64 `[n]`, where it was logged, rising.
        values: float64 `[n]`; NaN and infinities may be among them.
        reach: steps on each side that the running mean takes in; chosen by the length where None.
        colour: number of the line's colour in every plot; its place among the lines where None.
    """

    name: str
    steps: np.ndarray
    values: np.ndarray
    reach: int | None = None
    colour: int | None = None

    @property
    def logged(self) -> bool:
        """False for an entropy that is constant 0: MindSpeed-RL skips it but writes the key."""
        return self.name != metrics.ENTROPY or bool(np.any(self.values != 0))

    @property
    def absent(self) -> str | None:
        """Why there is nothing to draw, as a key of `words`; None where there is something."""
        if not self.logged:
            return "not_logged"
        return None if np.isfinite(self.values).any() else "never_finite"

    @property
    def lowest(self) -> tuple[float, int] | None:
        """The smallest finite value and its first step; None where none is finite."""
        return self._extreme(np.argmin)

    @property
    def highest(self) -> tuple[float, int] | None:
        """The largest finite value and its first step; None where none is finite."""
        return self._extreme(np.argmax)

    @property
    def num_not_finite(self) -> int:
        """How many values are NaN or infinite."""
        return int(len(self.values) - np.isfinite(self.values).sum())

    @cached_property
    def finite(self) -> Series:
        """The same without NaN and infinities."""
        kept = np.isfinite(self.values)
        return self if kept.all() else Series(self.name, self.steps[kept], self.values[kept])

    @cached_property
    def smooth(self) -> np.ndarray:
        """The running mean, `[n]`; the values themselves where they are few."""
        if not self.is_smoothed:
            return self.values
        chosen = max(1, len(self.values) // _REACHES_PER_RUN)
        return running_mean(self.values, chosen if self.reach is None else self.reach)

    @property
    def is_smoothed(self) -> bool:
        """Whether the running mean is another line than the values."""
        few = len(self.values) < SMOOTH_FROM_POINTS if self.reach is None else not self.reach
        return not few and bool(self.values.min() != self.values.max())

    @property
    def all_zero(self) -> bool:
        """Whether every value is 0: a line that shows nothing."""
        return not np.any(self.values)

    def _extreme(self, position: object) -> tuple[float, int] | None:
        if not len(self.finite.values):
            return None
        at = int(position(self.finite.values))  # type: ignore[operator]
        return float(self.finite.values[at]), int(self.finite.steps[at])


def running_mean(values: np.ndarray, reach: int) -> np.ndarray:
    """The mean of each value and its `reach` neighbours on both sides, so that no curve lags.

    NaN and infinities are left out; where nothing is left the mean is NaN.

    Example:
        >>> running_mean(np.array([1.0, 3.0, 8.0, 5.0]), 1).tolist()
        [2.0, 4.0, 5.333333333333333, 6.5]
    """
    finite = np.isfinite(values)
    kept = np.where(finite, values, 0.0)
    # A power of two changes no digit, and keeps sums of the largest numbers finite.
    scale = 2.0 ** -(2 * reach + 1).bit_length() if (np.abs(kept) > _LARGE).any() else 1.0
    number = _window_sums(finite.astype(np.float64), reach)
    total = _window_sums(kept * scale, reach)
    means = np.divide(total, number, out=np.full(len(values), np.nan), where=number > 0)
    return np.clip(means, -_MOST * scale, _MOST * scale) / scale


def _window_sums(values: np.ndarray, reach: int) -> np.ndarray:
    """Sums of each value and its neighbours, 0 beyond the ends.

    From the sums that begin and that end at the edges of blocks: nothing is subtracted, so a spike
    of 1e20 leaves no trace outside its own windows.
    """
    width = 2 * reach + 1
    padded = np.zeros(-(-(len(values) + 2 * reach) // width) * width)
    padded[reach : reach + len(values)] = values
    blocks = padded.reshape(-1, width)
    up_to = blocks.cumsum(axis=1).ravel()
    since = blocks[:, ::-1].cumsum(axis=1)[:, ::-1].ravel()
    first = np.arange(len(values))
    return up_to[first + width - 1] + np.where(first % width, since[first], 0.0)


def mean_of(values: np.ndarray) -> float:
    """The mean of finite numbers, however large.

    Example:
        >>> mean_of(np.array([1.0, 2.0])), mean_of(np.array([1.5e308, 1.5e308]))
        (1.5, 1.5e+308)
    """
    if np.abs(values).max() <= _LARGE:
        return float(values.mean())
    # In halves: rounding may lead beyond the largest number.
    return 2 * float(np.clip((values / 2 / len(values)).sum(), -_MOST / 2, _MOST / 2))


def thin(values: np.ndarray, points: int) -> np.ndarray:
    """Positions to draw: of each stretch its lowest and highest, so that no spike is lost.

    Example:
        >>> thin(np.array([0.0, 9.0, 0.0, 0.0, -5.0, 0.0, 0.0, 0.0]), 4).tolist()
        [0, 1, 4, 5, 7]
    """
    if len(values) <= points:
        return np.arange(len(values))
    size = -(-2 * len(values) // points)
    usable = len(values) // size * size
    filled = np.where(np.isfinite(values), values, np.nan)
    low = np.where(np.isnan(filled), np.inf, filled)[:usable].reshape(-1, size).argmin(axis=1)
    high = np.where(np.isnan(filled), -np.inf, filled)[:usable].reshape(-1, size).argmax(axis=1)
    base = np.arange(0, usable, size)
    return np.unique(np.concatenate([base + low, base + high, [0, len(values) - 1]]))


@dataclass(frozen=True)
class Panel:
    """One plot.

    Args:
        key: its name in `words`.
        patterns: which metrics, as regular expressions over the whole name, in order of
            preference; those of the first that is there are drawn. A group `label` names a line.
        bounds: metrics for the lower and the upper edge of a band.
        unit: of the values, as a key of `words`; "" for a bare number.
        label: of its one line, where each line has a plot of its own.
    """

    key: str
    patterns: tuple[str, ...]
    bounds: tuple[str, str] | None = None
    unit: str = ""
    label: str = ""


PANELS = (
    Panel("reward", tuple(map(re.escape, REWARD_NAMES))),
    Panel("by_verifier", (metrics.reward_key(r"(?P<label>(?!eval/)[^/]+)"),)),
    Panel(
        "length",
        (re.escape(f"{LENGTH}/mean"),),
        (f"{LENGTH}/min", f"{LENGTH}/max"),
        unit="unit_tokens",
    ),
    Panel("entropy", (re.escape(metrics.ENTROPY),), unit="unit_nats"),
    Panel(
        "zero_std",
        (r"grpo/(?P<label>(?:zero_std|all_right|all_wrong)_groups)/frac",),
        unit="unit_share",
    ),
    Panel("reward_hacks", (r"reward_hack/(?P<label>\w+)/frac",), unit="unit_share"),
    Panel("grad_norm", (re.escape(metrics.GRAD_NORM),)),
    Panel(
        "throughput", (r"(?P<label>(?:e2e|update|vllm)_tps|perf/throughput)",), unit="unit_speed"
    ),
    Panel("timing", (r"timing/(?P<label>all|rollout|update)",), unit="unit_seconds"),
    Panel("drift", (rf"(?:actor/)(?P<label>{KL[6:]}|ppo_kl|pg_clipfrac)",)),
    Panel("evaluation", (r"eval/(?P<label>(?:.+_)?rewards/mean|grpo/rewards/mean)",)),
    Panel("learning_rate", (re.escape(metrics.LEARNING_RATE),)),
    Panel("loss", (re.escape(metrics.PG_LOSS), "lm loss")),
)


def panels_of(series: dict[str, Series]) -> list[tuple[Panel, dict[str, Series]]]:
    """The panels that have data, each with its lines by label."""
    found = []
    for panel in PANELS:
        for pattern in panel.patterns:
            matches = {name: re.fullmatch(pattern, name) for name in series}
            lines = {
                match.groupdict().get("label") or name: series[name]
                for name, match in matches.items()
                if match is not None
            }
            if lines:
                found.append((panel, lines))
                break
    return found


def reward_of(series: dict[str, Series]) -> Series | None:
    """The reward that the policy is trained with, under the name that this log has for it."""
    return next((series[name] for name in REWARD_NAMES if name in series), None)
