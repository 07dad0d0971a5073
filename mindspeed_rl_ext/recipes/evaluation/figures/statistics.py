r"""Estimates and their 95 % intervals.

Covers: pass@k without bias; the Wilson interval where each problem counts 0 or 1; otherwise the
percentile bootstrap over problems, which keeps the responses to one problem together: they are not
independent of each other. Problems that are few, or that all have the same value, tell a bootstrap
too little of how they vary: drawing from them again would give an interval that is too narrow, or
none at all. Those have the Wilson interval that as many problems of 0 or 1 with the same mean would
have. It is too wide rather than too narrow: no values between 0 and 1 vary more than 0 and 1 do.
Does not cover: comparing two models on the same problems.

Thirty lines of arithmetic instead of scipy: scipy's Wilson interval takes whole numbers of hits and
the third kind of interval above needs fractions; used only where it is installed, it would make the
same responses give other intervals on another machine. A test compares both where scipy is there.

Example:
    >>> figure = estimate([1.0, 0.0, 1.0, 1.0])
    >>> figure.value, round(figure.low, 3), round(figure.high, 3), figure.method
    (0.75, 0.301, 0.954, 'wilson')
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

WILSON, BOOTSTRAP = "wilson", "bootstrap over problems"
WIDEST = "wilson as if 0 or 1 per problem"
_Z = 1.959963984540054  # of the normal distribution, for 95 %
_FEW = 10
_RESAMPLES = 2000
_CHUNK = 200


@dataclass(frozen=True)
class Estimate:
    """A mean with its 95 % interval.

    Args:
        value: the mean over problems.
        low: lower end.
        high: upper end.
        method: WILSON, BOOTSTRAP or WIDEST.
    """

    value: float
    low: float
    high: float
    method: str


def estimate(values: Sequence[float]) -> Estimate:
    """The mean of one value per problem, between 0 and 1, with its interval.

    Args:
        values: one per problem, at least one.

    Example:
        >>> figure = estimate([0.5] * 30)
        >>> figure.value, round(figure.low, 3), round(figure.high, 3), figure.method
        (0.5, 0.332, 0.668, 'wilson as if 0 or 1 per problem')
    """
    mean = sum(values) / len(values)
    if all(value in (0.0, 1.0) for value in values):
        return Estimate(mean, *wilson(sum(value == 1.0 for value in values), len(values)), WILSON)
    if len(values) < _FEW or min(values) == max(values):
        return Estimate(mean, *wilson(mean * len(values), len(values)), WIDEST)
    return Estimate(mean, *bootstrap(values), BOOTSTRAP)


def wilson(hits: float, trials: int) -> tuple[float, float]:
    """The 95 % Wilson interval of a proportion.

    Args:
        hits: from 0 to trials; a whole number where each trial counts 0 or 1.
        trials: at least one.

    Example:
        >>> [round(end, 4) for end in wilson(0, 30)]
        [0.0, 0.1135]
    """
    share, squared = hits / trials, _Z * _Z
    middle = (share + squared / (2 * trials)) / (1 + squared / trials)
    half = math.sqrt(share * (1 - share) / trials + squared / (4 * trials * trials))
    half *= _Z / (1 + squared / trials)
    # At the ends the formula gives the end itself, but for rounding.
    low = 0.0 if hits == 0 else max(0.0, middle - half)
    return low, 1.0 if hits == trials else min(1.0, middle + half)


def bootstrap(values: Sequence[float], *, seed: int = 0) -> tuple[float, float]:
    """The 95 % percentile interval of the mean, problems being drawn with replacement.

    Args:
        values: one per problem.
        seed: of the draws; the same values give the same interval.
    """
    import numpy as np

    column = np.asarray(values, dtype=float)
    rng = np.random.default_rng(seed)
    means = [
        column[rng.integers(0, len(column), (_CHUNK, len(column)))].mean(axis=1)
        for _ in range(_RESAMPLES // _CHUNK)
    ]
    low, high = np.percentile(np.concatenate(means), [2.5, 97.5])
    return float(low), float(high)


def pass_at_k(n: int, correct: int, k: int) -> float:
    """The chance that k of n responses, drawn without replacement, hold a right one.

    Args:
        n: responses to the problem.
        correct: how many of them are right.
        k: how many are drawn, at most n.

    Example:
        >>> pass_at_k(4, 1, 1), pass_at_k(4, 1, 2), pass_at_k(4, 0, 4)
        (0.25, 0.5, 0.0)
    """
    if not 0 <= correct <= n or not 1 <= k <= n:
        raise ValueError(f"n={n}, correct={correct}, k={k}")
    return 1.0 - math.comb(n - correct, k) / math.comb(n, k)


def ks_up_to(n: int) -> list[int]:
    """The k of pass@k that are shown: powers of two up to n, and n.

    Example:
        >>> ks_up_to(6)
        [1, 2, 4, 6]
    """
    return sorted({n, *(2**i for i in range(n.bit_length()) if 2**i <= n)})


def percentiles(values: Sequence[float], at: Sequence[int]) -> dict[str, float]:
    """Percentiles by name, between neighbours linear.

    Example:
        >>> percentiles([1, 2, 3, 4, 5], [50, 90])
        {'p50': 3.0, 'p90': 4.6}
    """
    import numpy as np

    return {f"p{p}": float(np.percentile(values, p)) for p in at}
