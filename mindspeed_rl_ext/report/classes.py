"""The three classes of the CS336 note over time: right, wrong in the right format, neither.

Covers: from the outcomes of an answer verifier in the metrics, or from the verdicts of rollouts.
Does not cover: logs that hold only mean scores; three classes do not follow from one mean.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from mindspeed_rl_ext.core.responses import metrics
from mindspeed_rl_ext.report.load import Run
from mindspeed_rl_ext.report.series import Series
from mindspeed_rl_ext.report.sources.rollouts import CLASSES, class_of_outcome
from mindspeed_rl_ext.report.sources.verifier_kinds import judges_answer

_OUTCOME = re.compile(metrics.outcome_key(r"(?P<verifier>(?!eval/)[^/]+)", r"(?P<outcome>[A-Z_]+)"))
_DENSE = 0.5


@dataclass(frozen=True)
class Classes:
    """Fractions that sum to 1 at each step.

    Args:
        fractions: by class name, in the order of `CLASSES`.
        source: "rollouts", or the name of the verifier whose outcomes were logged.
    """

    fractions: Mapping[str, Series]
    source: str


def classes_of(run: Run) -> Classes | None:
    """The classes of a run; None where nothing shows them.

    Rollouts know format and answer of each response together, so they are preferred where they
    cover at least half of the steps.
    """
    from_rollouts = _from_rollouts(run)
    enough = _DENSE * len(run.table.steps)
    if from_rollouts is not None and len(from_rollouts.fractions[CLASSES[0]].steps) >= enough:
        return from_rollouts
    return _from_outcomes(run.series) or from_rollouts


def _from_rollouts(run: Run) -> Classes | None:
    if run.rollouts is None:
        return None
    steps = [of for of in run.rollouts.steps if of.classes]
    if not steps:
        return None
    at = np.asarray([of.step for of in steps], dtype=np.int64)
    return Classes(
        {
            name: Series(
                name, at, np.asarray([of.classes[name] / of.classes.total() for of in steps])
            )
            for name in CLASSES
        },
        "rollouts",
    )


def _from_outcomes(series: Mapping[str, Series]) -> Classes | None:
    by_verifier: dict[str, dict[str, Series]] = {}
    for name, line in series.items():
        found = _OUTCOME.fullmatch(name)
        if found is not None and judges_answer(found["verifier"]) is not False:
            by_verifier.setdefault(found["verifier"], {})[found["outcome"]] = line
    # Those that are known to judge the answer before those of which nothing is known.
    for verifier, outcomes in sorted(by_verifier.items(), key=lambda p: not judges_answer(p[0])):
        right = outcomes.get("CORRECT")
        if right is None or not any(
            np.any(o.values > 0) for n, o in outcomes.items() if n != "SCORED"
        ):
            continue
        same = {n: o for n, o in outcomes.items() if np.array_equal(o.steps, right.steps)}
        sums = {name: np.zeros(len(right.steps)) for name in CLASSES}
        for outcome, line in same.items():
            sums[class_of_outcome(outcome)] += line.values
        total = np.sum(list(sums.values()), axis=0)
        with np.errstate(invalid="ignore", divide="ignore"):
            shares = {n: Series(n, right.steps, values / total) for n, values in sums.items()}
        return Classes(shares, verifier)
    return None
