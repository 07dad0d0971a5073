"""What rules look at: trends of metrics, levels of the reward, late rollouts.

Covers: start, end, peak and noise of a metric; which log lacks what.
Does not cover: what follows from them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from mindspeed_rl_ext.core.responses import metrics
from mindspeed_rl_ext.report.load import Run
from mindspeed_rl_ext.report.series import Series, mean_of, reward_of, running_mean
from mindspeed_rl_ext.report.sources.rollouts import StepRollouts

MIN_POINTS = 8
_WINDOWS = 8
_LATE = 3
_ROUNDING = 1e-6


class MissingEvidence(Exception):  # noqa: N818 - not an error: a rule that cannot be checked
    """A log lacks what a rule needs; the message names it."""


@dataclass(frozen=True)
class Trend:
    """How a metric moved, over windows of an eighth of the run.

    Args:
        first: value of the first logged step.
        start: mean of the first window.
        end: mean of the last window.
        peak: highest running mean, at `peak_step`.
        low: lowest running mean, at `low_step`.
        noise: standard error of `end - start`.
        steps: int64 `[n]`.
        smooth: running mean, float64 `[n]`.
    """

    first: float
    start: float
    end: float
    peak: float
    peak_step: int
    low: float
    low_step: int
    noise: float
    steps: np.ndarray
    smooth: np.ndarray

    @property
    def change(self) -> float:
        """End minus start."""
        return self.end - self.start

    @property
    def last_step(self) -> int:
        """The last logged step."""
        return int(self.steps[-1])

    def rises(self, at_least: float) -> bool:
        """Whether it rose by more than its noise and by `at_least`."""
        return self.change > max(at_least, 2 * self.noise)

    def falls(self, at_least: float) -> bool:
        """Whether it fell by more than its noise and by `at_least`."""
        return -self.change > max(at_least, 2 * self.noise)

    def first_step_above(self, level: float) -> int:
        """The first step whose running mean is above a level; the last step where none is."""
        above = np.nonzero(self.smooth > level)[0]
        return int(self.steps[above[0]]) if len(above) else self.last_step


def trend_of(line: Series) -> Trend | None:
    """The trend of a metric; None where it has fewer than `MIN_POINTS` finite values."""
    steps, values = line.finite.steps, line.finite.values
    if len(values) < MIN_POINTS:
        return None
    window = max(2, len(values) // _WINDOWS)
    smooth = running_mean(values, window // 2)
    with np.errstate(over="ignore", invalid="ignore"):
        noise = float(np.std(values - smooth)) * np.sqrt(2 / window)
    peak, low = int(np.argmax(smooth)), int(np.argmin(smooth))
    return Trend(
        first=float(values[0]),
        start=mean_of(values[:window]),
        end=mean_of(values[-window:]),
        peak=float(smooth[peak]),
        peak_step=int(steps[peak]),
        low=float(smooth[low]),
        low_step=int(steps[low]),
        noise=float(noise),
        steps=steps,
        smooth=smooth,
    )


class Evidence:
    """A run as rules ask about it; what is missing raises `MissingEvidence`.

    Args:
        run: the run.
    """

    def __init__(self, run: Run) -> None:
        self.run = run

    def series(self, name: str) -> Series:
        """A metric that is logged and means something."""
        line = self.run.series.get(name)
        if line is None or not line.logged:
            raise MissingEvidence(name)
        return line

    def trend(self, name: str) -> Trend:
        """The trend of a metric."""
        found = trend_of(self.series(name))
        if found is None:
            raise MissingEvidence(f"{MIN_POINTS} steps of {name}")
        return found

    @cached_property
    def zero_std(self) -> Trend:
        """The trend of groups of equal rewards.

        TRL compares a standard deviation in fp32 with 0, and misses equal rewards whose mean is
        rounded (8 times 0.2): where the mean deviation of groups is next to nothing, all are.
        """
        line = self.series(metrics.ZERO_STD_FRACTION)
        spread = self.run.series.get("grpo/rewards/std")
        if spread is not None and np.array_equal(spread.steps, line.steps):
            rounded = spread.values < _ROUNDING * max(1.0, self.span)
            line = Series(line.name, line.steps, np.where(rounded, 1.0, line.values))
        found = trend_of(line)
        if found is None:
            raise MissingEvidence(f"{MIN_POINTS} steps of {line.name}")
        return found

    @cached_property
    def reward(self) -> Trend:
        """The trend of the reward that the policy is trained with."""
        line = reward_of(self.run.series)
        if line is None:
            raise MissingEvidence(metrics.REWARD_MEAN)
        return self.trend(line.name)

    @cached_property
    def floor(self) -> float:
        """The least that the reward can be, as far as the log shows: at most 0."""
        return min(0.0, self._extreme("min", np.min))

    @cached_property
    def ceiling(self) -> float:
        """The most that the reward can be, as far as the log shows: at least 1."""
        return max(1.0, self._extreme("max", np.max))

    @property
    def span(self) -> float:
        """From floor to ceiling."""
        return self.ceiling - self.floor

    @cached_property
    def solved(self) -> bool:
        """Whether nearly all responses get the full reward at the end."""
        return self.reward.end >= self.ceiling - 0.1 * self.span

    def late_rollouts(self) -> Sequence[StepRollouts]:
        """Steps of the last third of the run whose rollouts were written."""
        if self.run.rollouts is None or not self.run.rollouts.steps:
            raise MissingEvidence("rollouts.jsonl")
        steps = self.run.rollouts.steps
        return steps[len(steps) - max(1, len(steps) // _LATE) :]

    def late_mean(self, line: Series) -> float:
        """The mean over the last third of the steps."""
        values = line.finite.values
        late = values[len(values) - max(1, len(values) // _LATE) :]
        return mean_of(late) if len(late) else float("nan")

    def _extreme(self, kind: str, choose: Callable[[np.ndarray], Any]) -> float:
        line = reward_of(self.run.series)
        if line is None:
            raise MissingEvidence(metrics.REWARD_MEAN)
        bound = self.run.series.get(line.name.replace("/mean", f"/{kind}"), line)
        # A log may hold the extremes of normalised rewards beside raw means: use both.
        numbers = [choose(one.finite.values) for one in (bound, line) if len(one.finite.values)]
        return float(choose(np.asarray(numbers))) if numbers else 0.0
