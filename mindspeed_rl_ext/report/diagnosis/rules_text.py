"""Rules on responses: their length, their text, their verdicts.

Covers: a length that stays or is cut off, echoes of the template, one fixed answer, verdicts that
are none.
Does not cover: whether an answer is right; verifiers do.
"""

from __future__ import annotations

import re

import numpy as np

from mindspeed_rl_ext.core.errors import shorten
from mindspeed_rl_ext.core.responses import metrics
from mindspeed_rl_ext.report.diagnosis.evidence import Evidence, MissingEvidence
from mindspeed_rl_ext.report.diagnosis.finding import ERROR, NOTE, WARNING, Finding, Numbers
from mindspeed_rl_ext.report.diagnosis.rules_learning import flat_reward
from mindspeed_rl_ext.report.sources.names import CLIPPED_LENGTHS, LENGTH
from mindspeed_rl_ext.report.sources.reward_hacks import IDENTICAL, SIGNS
from mindspeed_rl_ext.report.sources.rollouts import StepRollouts

_CLIPPED = 0.1
_AT_LIMIT_STEPS, _AT_LIMIT_MEAN = 0.95, 0.6
_SAME_SHARE = 0.3
_ECHO_SHARE = 0.1
_HACK_SHARE = 0.05
_TROUBLE = 0.01
_TROUBLES = ("TIMEOUT", "ERROR", "BAD_REFERENCE", "UNPARSEABLE")
_OUTCOME = re.compile(metrics.outcome_key(r"(?P<verifier>[^/]+)", r"(?P<outcome>[A-Z_]+)"))
_EXAMPLE_CHARS = 120


def length_flat(seen: Evidence) -> Finding | None:
    """Neither length nor reward grows: long thinking does not emerge."""
    length = seen.trend(f"{LENGTH}/mean")
    if flat_reward(seen) is None:
        return None
    if abs(length.change) > max(0.05 * abs(length.start), 2 * length.noise):
        return None
    numbers: Numbers = {
        "length_start": length.start,
        "length_end": length.end,
        "steps": len(length.steps),
    }
    return Finding("length_flat", NOTE, numbers)


def length_clipped(seen: Evidence) -> Finding | None:
    """Many responses end because they must."""
    series = seen.run.series
    if CLIPPED_LENGTHS in series:
        share = seen.late_mean(series[CLIPPED_LENGTHS])
        if share <= _CLIPPED:
            return None
        numbers: Numbers = {"details": f"{share:.0%}", "limit": _longest(seen)}
        return Finding("length_clipped", WARNING, numbers)
    mean, longest = seen.series(f"{LENGTH}/mean"), seen.series(f"{LENGTH}/max")
    limit = longest.highest
    if limit is None:
        raise MissingEvidence(f"{LENGTH}/max")
    if limit[0] <= 0:
        return None
    at_limit = float(np.mean(longest.finite.values == limit[0]))
    share = seen.late_mean(mean) / limit[0]
    if len(longest.values) < 4 or at_limit < _AT_LIMIT_STEPS or share < _AT_LIMIT_MEAN:
        return None
    details = (
        f"mean {share:.0%} of the longest, which is {limit[0]:g} at {at_limit:.0%} of the steps"
    )
    return Finding("length_clipped", WARNING, {"details": details, "limit": f"{limit[0]:g}"})


def template_echo(seen: Evidence) -> Finding | None:
    """Responses repeat the prompt's example instead of thinking."""
    late = seen.late_rollouts()
    probed = sum(of.probed for of in late)
    if not probed:
        raise MissingEvidence("prompts in rollouts.jsonl")
    share = sum(of.echoes for of in late) / probed
    if share < _ECHO_SHARE:
        return None
    worst = max(late, key=lambda of: of.echoes)
    numbers: Numbers = {
        "share": share,
        "probed": probed,
        "first_step": late[0].step,
        "last_step": late[-1].step,
        "example": shorten(worst.echo_example, _EXAMPLE_CHARS),
    }
    return Finding(
        "template_echo",
        ERROR if share >= 0.5 else WARNING,
        numbers,
        worst.step,
        panels=("reward", "classes"),
    )


def one_fixed_answer(seen: Evidence) -> Finding | None:
    """Different prompts get the same response."""
    late = [of for of in seen.late_rollouts() if of.number >= 8 and len(of.all_groups) >= 2]
    if not late:
        raise MissingEvidence("rollouts of two prompts per step")
    tops = [_most_common(of) for of in late]
    share = float(np.mean([top[1] for top in tops]))
    if share < _SAME_SHARE:
        return None
    unique = float(np.mean([len(of.texts) / of.number for of in late]))
    text, _ = max(tops, key=lambda top: top[1])
    numbers: Numbers = {
        "share": share,
        "unique": unique,
        "first_step": late[0].step,
        "last_step": late[-1].step,
        "example": shorten(text, _EXAMPLE_CHARS),
    }
    return Finding("one_fixed_answer", WARNING, numbers, late[0].step, panels=("reward",))


def reward_hacks(seen: Evidence) -> Finding | None:
    """Many late responses aim at the reward: restated questions, hedges, one answer to all."""
    late = seen.late_rollouts()
    number = sum(of.number for of in late)
    shares: dict[str, float] = {}
    paid: dict[str, float] = {}
    for sign in SIGNS:
        share = sum(of.signs[sign] for of in late) / number
        if share > _HACK_SHARE:
            shares[sign] = share
            paid[sign] = sum(of.paid_signs[sign] for of in late) / number
    same = float(np.mean([of.answers.share for of in late]))
    if same - float(np.mean([of.answers.expected_share for of in late])) > _SAME_SHARE:
        shares[IDENTICAL] = same
    if not shares:
        return None
    details = ", ".join(
        f"{sign} {share:.0%}" + (f" ({paid[sign]:.0%} paid)" if paid.get(sign) else "")
        for sign, share in shares.items()
    )
    numbers: Numbers = {
        "details": details,
        "first_step": late[0].step,
        "last_step": late[-1].step,
        **shares,
    }
    return Finding(
        "reward_hacks", WARNING, numbers, late[0].step, panels=("reward_hacks", "reward")
    )


def verdicts_fail(seen: Evidence) -> Finding | None:
    """Verifiers time out, fail or cannot read a reference or an answer."""
    shares: dict[str, float] = {}
    known = False
    for name, line in seen.run.series.items():
        found = _OUTCOME.fullmatch(name)
        if found is None or name.startswith("eval/"):
            continue
        known = True
        if found["outcome"] in _TROUBLES:
            share = seen.late_mean(line)
            if share > _TROUBLE:
                shares[f"{found['verifier']} {found['outcome']}"] = share
    if not known:
        raise MissingEvidence("*_outcome/*")
    if not shares:
        return None
    details = ", ".join(f"{name} {share:.1%}" for name, share in shares.items())
    return Finding("verdicts_fail", WARNING, {"details": details, "worst": max(shares.values())})


def _most_common(of: StepRollouts) -> tuple[str, float]:
    """The response that most prompts share, and its share of all; ("", 0) where none is shared."""
    shared = [(count, text) for text, count in of.texts.items() if len(of.groups[text]) >= 2]
    if not shared:
        return "", 0.0
    count, text = max(shared)
    return of.example.get(text, ""), count / of.number


def _longest(seen: Evidence) -> str:
    line = seen.run.series.get(f"{LENGTH}/max")
    highest = line.highest if line is not None else None
    return f"{highest[0]:g}" if highest is not None else "?"
