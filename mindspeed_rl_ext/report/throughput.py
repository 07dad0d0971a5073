"""Throughput and timing of a run, computed again from lengths and times.

Covers: e2e_tps, update_tps and vllm_tps by the formulas of MindSpeed-RL's guide, with mean and with
max lengths (`log_max_throughput`, on by default there); verl's perf/throughput; the guide's
inequality of times.
Does not cover: hardware counters. vllm_tps counts a prompt once per response, prefix cache or not,
as the guide does.

    tps = (response_length + prompt_length) * global_batch_size * n_samples / world_size / seconds
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from mindspeed_rl_ext.core.responses import metrics
from mindspeed_rl_ext.report.load import Run
from mindspeed_rl_ext.report.series import Series

TOLERANCE = 0.01
A3_DIES_A_CARD = 2.0
SECONDS_OF = {
    "e2e_tps": metrics.TIME_ALL_S,
    "update_tps": "timing/update",
    "vllm_tps": "timing/rollout",
}
VERL_THROUGHPUT = "perf/throughput"
SIZES = ("global_batch_size", "n_samples_per_prompt", "world_size")
LENGTH_KINDS = ("mean", "max")
# timing/all >= the sum of these and the larger of the last two.
_ONE_AFTER_ANOTHER = (
    "timing/rollout",
    "timing/old_log_p",
    "timing/update",
    "timing/reference_model",
    "timing/resharding_to_train",
    "timing/resharding_to_infer",
)
_IN_PARALLEL = ("timing/non_overlap_rule_reward", "timing/non_overlap_reference_model")
_PPO = ("timing/critic_model", "timing/update_critic")


@dataclass(frozen=True)
class Throughput:
    """One kind of throughput, as medians over the steps.

    Args:
        name: `e2e_tps`, `update_tps` or `vllm_tps`.
        logged: what the log says; None where it says nothing.
        by_length: computed with mean and with max lengths; without the one that cannot be.
        mismatches: steps where neither is within `TOLERANCE` of the log.
        compared: steps that could be compared.
        matches: the kind of length that the log agrees with at most steps; None where neither.
        per_card: factor from a device of the log to a card: 2 on A3.
    """

    name: str
    logged: float | None
    by_length: Mapping[str, float]
    mismatches: int
    compared: int
    matches: str | None
    per_card: float = 1.0

    @property
    def is_wrong(self) -> bool:
        """The log and the formula disagree at a step."""
        return self.mismatches > 0


@dataclass(frozen=True)
class Timing:
    """The inequality of times.

    Args:
        steps: how many could be checked.
        violated: how many of them do not hold it.
        slack_s: median of what `timing/all` is longer than its parts; negative where shorter.
        slack_fraction: the same as a fraction of `timing/all`.
        worst: step and slack of the least slack.
        parts: median seconds of each part that is logged.
        missing: parts of the inequality that the log lacks; they count as 0.
    """

    steps: int
    violated: int
    slack_s: float
    slack_fraction: float
    worst: tuple[int, float]
    parts: Mapping[str, float]
    missing: tuple[str, ...]


def throughput_of(run: Run, *, a3: bool = False) -> list[Throughput]:
    """The three throughputs, of those whose times or numbers are logged.

    Args:
        run: with `global_batch_size`, `n_samples_per_prompt` and `world_size` logged or given.
        a3: the log counts the two devices of an A3 card as two.
    """
    factor = A3_DIES_A_CARD if a3 else 1.0
    found = [_throughput(run, name, seconds, factor) for name, seconds in SECONDS_OF.items()]
    found.append(_of_verl(run, factor))
    return [one for one in found if one.logged is not None or one.by_length]


def _of_verl(run: Run, per_card: float) -> Throughput:
    """verl's own figure: all tokens of a step, by its seconds and its devices."""
    logged = run.series.get(VERL_THROUGHPUT)
    tokens, times = (run.series.get(name) for name in ("perf/total_num_tokens", metrics.TIME_ALL_S))
    world = run.size("world_size")
    computed = {}
    if tokens is not None and times is not None and world:
        with np.errstate(divide="ignore", invalid="ignore"):
            values = _at(tokens, times.steps) / times.values / world
        if np.isfinite(values).any():
            computed["mean"] = Series(VERL_THROUGHPUT, times.steps, values)
    mismatches, compared, matches = _compare(logged, computed)
    medians = {kind: _median(line.values) for kind, line in computed.items()}
    seen = None if logged is None else _median(logged.values)
    return Throughput(VERL_THROUGHPUT, seen, medians, mismatches, compared, matches, per_card)


def missing_sizes(run: Run) -> list[str]:
    """The sizes that neither the log nor the user gives; without them nothing is computed."""
    return [name for name in SIZES if run.size(name) is None]


def timing_of(run: Run) -> Timing | None:
    """The inequality of times, over the steps that log `timing/all` and at least two parts."""
    series = run.series
    whole = series.get(metrics.TIME_ALL_S)
    wanted = (*_ONE_AFTER_ANOTHER, *(n for n in _PPO if n in series))
    there = [name for name in wanted if name in series]
    if whole is None or len(there) < 2:
        return None
    at = whole.steps
    total = np.sum([_at(series[name], at) for name in there], axis=0)
    parallel = [_at(series[name], at) for name in _IN_PARALLEL if name in series]
    if parallel:
        total = total + np.max(parallel, axis=0)
    known = np.isfinite(total) & np.isfinite(whole.values)
    if not known.any():
        return None
    slack = (whole.values - total)[known]
    at = at[known]
    worst = int(np.argmin(slack))
    everything = (*there, *(name for name in _IN_PARALLEL if name in series))
    medians = {name: float(np.nanmedian(series[name].values)) for name in everything}
    # A log has four decimals: half of the last one for each number is no violation.
    rounding = 5e-5 * (len(everything) + 1)
    return Timing(
        steps=int(known.sum()),
        violated=int((slack < -rounding).sum()),
        slack_s=float(np.median(slack)),
        slack_fraction=float(np.median(slack / np.maximum(whole.values[known], 1e-12))),
        worst=(int(at[worst]), float(slack[worst])),
        parts=medians,
        missing=tuple(n for n in (*_ONE_AFTER_ANOTHER, *_IN_PARALLEL) if n not in series),
    )


def _throughput(run: Run, name: str, seconds: str, per_card: float) -> Throughput:
    logged = run.series.get(name)
    computed = {}
    for kind in LENGTH_KINDS:
        line = _computed(run, seconds, kind)
        if line is not None:
            computed[kind] = line
    mismatches, compared, matches = _compare(logged, computed)
    return Throughput(
        name,
        _median(logged.values) if logged is not None else None,
        {kind: _median(line.values) for kind, line in computed.items()},
        mismatches,
        compared,
        matches,
        per_card,
    )


def _computed(run: Run, seconds: str, kind: str) -> Series | None:
    times = run.series.get(seconds)
    lengths = [run.series.get(f"{what}_length/{kind}") for what in ("response", "prompt")]
    gbs, samples, world = (run.size(name) for name in SIZES)
    if times is None or None in lengths or gbs is None or samples is None or not world:
        return None
    at = times.steps
    tokens = sum(_at(one, at) for one in lengths if one is not None)
    with np.errstate(divide="ignore", invalid="ignore"):
        values = tokens * gbs * samples / world / times.values
    return Series(seconds, at, values) if np.isfinite(values).any() else None


def _compare(logged: Series | None, computed: Mapping[str, Series]) -> tuple[int, int, str | None]:
    if logged is None or not computed:
        return 0, 0, None
    close, known = {}, np.zeros(len(logged.steps), dtype=bool)
    for kind, line in computed.items():
        ours = _at(line, logged.steps)
        comparable = np.isfinite(ours) & np.isfinite(logged.values) & (ours > 0)
        known |= comparable
        with np.errstate(invalid="ignore"):
            near = np.abs(logged.values - ours) <= TOLERANCE * ours
        close[kind] = near & comparable
    either = np.any(list(close.values()), axis=0)
    best = max(close, key=lambda kind: int(close[kind].sum()))
    compared = int(known.sum())
    agrees = int(close[best].sum()) * 2 > compared
    return int((known & ~either).sum()), compared, best if agrees else None


def _at(line: Series, steps: np.ndarray) -> np.ndarray:
    """The values at these steps; NaN where a step is not logged."""
    position = np.searchsorted(line.steps, steps)
    inside = np.minimum(position, len(line.steps) - 1)
    found = line.steps[inside] == steps
    return np.where(found, line.values[inside], np.nan)


def _median(values: np.ndarray) -> float:
    finite = values[np.isfinite(values)]
    return float(np.median(finite)) if len(finite) else float("nan")
