"""Rules on reward and entropy: does the policy learn, and does it still explore.

Covers: a flat reward, both kinds of collapse, drawdown, reward up while the format goes down,
groups without a signal, NaN, an entropy that was never computed.
Does not cover: the text of rollouts; `rules_text` does.
"""

from __future__ import annotations

import re

import numpy as np

from mindspeed_rl_ext.core.responses import metrics
from mindspeed_rl_ext.report.diagnosis.evidence import Evidence, MissingEvidence, Trend, trend_of
from mindspeed_rl_ext.report.diagnosis.finding import ERROR, NOTE, WARNING, Finding, Numbers
from mindspeed_rl_ext.report.series import Series
from mindspeed_rl_ext.report.sources.names import CLIP_FRACTION, PPO_KL
from mindspeed_rl_ext.report.sources.verifier_kinds import judges_format

_MIN_STEPS_OF_A_VERDICT = 20
_JUMP_FACTOR, _JUMP_NATS = 2.0, 0.1
_GONE = 0.15
_MEAN = re.compile(metrics.reward_key(r"(?:grpo/)?(?P<name>(?!eval/)[^/]+)"))
_MAX_UPDATES = 8
_FAR_CLIP, _FAR_KL = 0.2, 0.1


def not_finite(seen: Evidence) -> Finding | None:
    """NaN or infinity where there must be none."""
    watched = [
        name
        for name in (metrics.PG_LOSS, metrics.GRAD_NORM, metrics.REWARD_MEAN)
        if name in seen.run.series
    ]
    if not watched:
        raise MissingEvidence(metrics.GRAD_NORM)
    for name in watched:
        line = seen.run.series[name]
        if line.num_not_finite:
            step = int(line.steps[~np.isfinite(line.values)][0])
            numbers: Numbers = {
                "metric": name,
                "count": line.num_not_finite,
                "of": len(line.values),
                "step": step,
            }
            return Finding(
                "not_finite", ERROR, numbers, step, panels=("grad_norm", "loss", "reward")
            )
    return None


def entropy_up_reward_gone(seen: Evidence) -> Finding | None:
    """The policy came apart: entropy jumps, the reward falls to its floor and stays."""
    entropy, reward = seen.trend(metrics.ENTROPY), seen.reward
    base, jump_step = _jump(entropy)
    best = max(reward.peak, reward.first)
    if jump_step is None or best - seen.floor < 0.05 * seen.span:
        return None
    if reward.end > seen.floor + _GONE * (best - seen.floor):
        return None
    numbers: Numbers = {
        "entropy_before": base,
        "entropy_peak": entropy.peak,
        "jump_step": jump_step,
        "reward_best": best,
        "reward_end": reward.end,
        "last_step": reward.last_step,
    }
    return Finding(
        "entropy_up_reward_gone", ERROR, numbers, jump_step, panels=("entropy", "reward")
    )


def entropy_jump(seen: Evidence) -> Finding | None:
    """Entropy jumps and the reward does not rise: the first half of a collapse."""
    entropy, reward = seen.trend(metrics.ENTROPY), seen.reward
    base, jump_step = _jump(entropy)
    high = entropy.end >= base + 0.5 * (entropy.peak - base)
    if jump_step is None or not high or reward.rises(0.02 * seen.span):
        return None
    if entropy_up_reward_gone(seen) is not None:
        return None
    numbers: Numbers = {
        "entropy_before": base,
        "entropy_end": entropy.end,
        "jump_step": jump_step,
        "reward_start": reward.start,
        "reward_end": reward.end,
    }
    return Finding("entropy_jump", WARNING, numbers, jump_step, panels=("entropy", "reward"))


def entropy_down_no_signal(seen: Evidence) -> Finding | None:
    """The policy stopped exploring before it could do the task: most groups are of one mind."""
    entropy, zero = seen.trend(metrics.ENTROPY), seen.zero_std
    if seen.solved or zero.end < 0.5 or zero.change < 0.2 or entropy.end > 0.7 * entropy.start:
        return None
    numbers: Numbers = {
        "entropy_start": entropy.start,
        "entropy_end": entropy.end,
        "zero_start": zero.start,
        "zero_end": zero.end,
        "reward_end": seen.reward.end,
    }
    return Finding(
        "entropy_down_no_signal",
        ERROR,
        numbers,
        zero.first_step_above(0.5),
        panels=("entropy", "zero_std"),
    )


def few_groups_with_signal(seen: Evidence) -> Finding | None:
    """Half of the groups or more are all right or all wrong and teach nothing."""
    zero = seen.zero_std
    if zero.end < 0.5:
        return None
    try:
        if entropy_down_no_signal(seen) is not None or entropy_up_reward_gone(seen) is not None:
            return None
    except MissingEvidence:
        pass  # without entropy the groups still speak
    numbers: Numbers = {
        "zero_start": zero.start,
        "zero_end": zero.end,
        "reward_end": seen.reward.end,
    }
    severity = NOTE if seen.solved else WARNING
    return Finding(
        "few_groups_with_signal",
        severity,
        numbers,
        zero.first_step_above(0.5),
        panels=("zero_std",),
    )


def flat_reward(seen: Evidence) -> Finding | None:
    """The reward does not move."""
    reward = seen.reward
    if len(reward.steps) < _MIN_STEPS_OF_A_VERDICT:
        raise MissingEvidence(f"{_MIN_STEPS_OF_A_VERDICT} steps")
    if seen.solved or abs(reward.change) > max(0.02 * seen.span, 2 * reward.noise):
        return None
    moved = max(reward.peak, reward.first) - reward.low
    if moved > max(0.1 * seen.span, 6 * reward.noise):
        return None  # it went somewhere and came back: drawdown and collapse report that
    numbers: Numbers = {
        "reward_start": reward.start,
        "reward_end": reward.end,
        "noise": reward.noise,
        "steps": len(reward.steps),
    }
    return Finding("flat_reward", WARNING, numbers)


def drawdown(seen: Evidence) -> Finding | None:
    """The reward fell back from its peak."""
    reward = seen.reward
    progress = np.searchsorted(reward.steps, reward.peak_step) / len(reward.steps)
    fall = reward.peak - reward.end
    if progress > 0.9 or fall < max(0.1 * seen.span, 4 * reward.noise):
        return None
    try:
        if entropy_up_reward_gone(seen) is not None:
            return None
    except MissingEvidence:
        pass  # without entropy the reward still speaks
    numbers: Numbers = {
        "reward_peak": reward.peak,
        "peak_step": reward.peak_step,
        "reward_end": reward.end,
        "last_step": reward.last_step,
    }
    return Finding("drawdown", WARNING, numbers, reward.peak_step, panels=("reward",))


def reward_up_format_down(seen: Evidence) -> Finding | None:
    """The policy is paid more while it keeps the format less."""
    line = _format_line(seen)
    fits = trend_of(line)
    if fits is None:
        raise MissingEvidence(line.name)
    if not (seen.reward.rises(0.02 * seen.span) and fits.falls(0.02)):
        return None
    numbers: Numbers = {
        "reward_start": seen.reward.start,
        "reward_end": seen.reward.end,
        "format_start": fits.start,
        "format_end": fits.end,
        "metric": line.name,
    }
    return Finding(
        "reward_up_format_down", WARNING, numbers, fits.peak_step, panels=("reward", "by_verifier")
    )


def entropy_not_logged(seen: Evidence) -> Finding | None:
    """A constant 0 is an entropy that the host did not compute."""
    line = seen.run.series.get(metrics.ENTROPY)
    if line is None:
        raise MissingEvidence(metrics.ENTROPY)
    if line.logged:
        return None
    return Finding("entropy_not_logged", NOTE, {"steps": len(line.values)})


def too_many_updates(seen: Evidence) -> Finding | None:
    """One rollout is used for too many updates, or the policy moves too far in them."""
    numbers: Numbers = {}
    sizes = [
        seen.run.size(name)
        for name in ("global_batch_size", "n_samples_per_prompt", "mini_batch_size")
    ]
    far = False
    if all(sizes):
        gbs, samples, mini = (float(size or 0) for size in sizes)
        updates = gbs * samples / mini * (seen.run.size("ppo_epochs") or 1)
        numbers["updates"] = updates
        far = updates > _MAX_UPDATES
    for name, key, limit in ((CLIP_FRACTION, "clip_fraction", _FAR_CLIP), (PPO_KL, "kl", _FAR_KL)):
        if name in seen.run.series:
            numbers[key] = seen.late_mean(seen.run.series[name])
            far |= abs(float(numbers[key])) > limit
    if not numbers:
        raise MissingEvidence(f"{CLIP_FRACTION}, or --mini-batch-size")
    details = ", ".join(f"{name} {number:.3g}" for name, number in numbers.items())
    return Finding("too_many_updates", WARNING, {**numbers, "details": details}) if far else None


def _jump(entropy: Trend) -> tuple[float, int | None]:
    """The entropy before its peak, and the first step half-way up; no step where none jumped."""
    before = entropy.smooth[entropy.steps <= entropy.peak_step]
    base = min(entropy.first, float(before.min()))
    rise = entropy.peak - base
    if entropy.peak < _JUMP_FACTOR * base or rise < _JUMP_NATS:
        return base, None
    return base, entropy.first_step_above(base + 0.5 * rise)


def _format_line(seen: Evidence) -> Series:
    """How many responses keep the format: a format verifier's mean, or 1 - the outcomes."""
    for name, line in seen.run.series.items():
        found = _MEAN.fullmatch(name)
        if found is not None and judges_format(found["name"]):
            return line
    bad = [
        line
        for name, line in seen.run.series.items()
        if name.endswith(("_outcome/BAD_FORMAT", "_outcome/NO_ANSWER"))
    ]
    same = [line for line in bad if np.array_equal(line.steps, bad[0].steps)]
    if not same:
        raise MissingEvidence("a format verifier's mean, or *_outcome/BAD_FORMAT")
    total = np.clip(np.sum([line.values for line in same], axis=0), 0, 1)
    return Series("1 - BAD_FORMAT - NO_ANSWER", same[0].steps, 1 - total)
