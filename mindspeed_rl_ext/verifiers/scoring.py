"""Responses to rewards: every verifier on every response, weighted, with metrics and reasons.

Covers: checks before anything is scored, the weighted sum, the metrics that hosts log.
Does not cover: how a batch runs (`running.batch`), files of rollouts (the command reads those).

Example:
    >>> result = score(
    ...     ["<answer>44 - 43 + 48</answer>"],
    ...     ['{"target":49,"numbers":[44,43,48]}'],
    ...     verifiers=["countdown"],
    ... )
    >>> result.rewards, result.metrics["countdown_rewards/mean"]
    ([1.0], 1.0)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from mindspeed_rl_ext.verifiers.api import BoundVerifier
from mindspeed_rl_ext.verifiers.checks import check_columns, check_weights, resolve_all
from mindspeed_rl_ext.verifiers.measures import measures
from mindspeed_rl_ext.verifiers.running.batch import score_batch
from mindspeed_rl_ext.verifiers.verdict import FAULTS, Verdict


@dataclass(frozen=True)
class Result:
    """What scoring a batch gives.

    Args:
        rewards: one number per response, the weighted sum of its scores.
        metrics: per verifier the mean score and the fraction of each outcome.
        verdicts: by verifier name, one per response.
    """

    rewards: list[float]
    metrics: dict[str, float]
    verdicts: dict[str, list[Verdict]]


def score(
    responses: Sequence[str],
    answers: Sequence[Any] | None = None,
    *,
    verifiers: Sequence[str],
    weights: Sequence[float] | None = None,
    data: Mapping[str, Sequence[Any]] | None = None,
) -> Result:
    """Scores a batch of responses.

    Args:
        responses: texts, one per rollout.
        answers: reference answers, as many; may be left out where no verifier needs them.
        verifiers: specs such as `"simplerl"` or `"countdown(think_prefilled=True)"`.
        weights: as many as verifiers; 1 each where left out.
        data: further columns by name, each as long as `responses`.

    Raises:
        InputError: an unknown verifier, a missing column, columns or weights of other lengths.
    """
    bound = resolve_all(verifiers)
    factors = check_weights(weights, bound)
    columns = check_columns(responses, answers, data or {}, bound)
    return combine_scores(bound, factors, score_batch(bound, responses, columns))


def combine_scores(
    bound: Sequence[BoundVerifier],
    weights: Sequence[float],
    found: Mapping[str, list[Verdict]],
) -> Result:
    """The result of a batch from the verdicts of each verifier.

    Args:
        bound: the verifiers.
        weights: one per verifier.
        found: by verifier name, one verdict per response.
    """
    verdicts = {one.name: _with_lowest(one, found[one.name]) for one in bound}
    count = len(next(iter(verdicts.values())))
    rewards = [
        sum(
            weight * verdicts[one.name][i].score for weight, one in zip(weights, bound, strict=True)
        )
        for i in range(count)
    ]
    return Result(rewards, _metrics(bound, verdicts), verdicts)


def _with_lowest(one: BoundVerifier, verdicts: list[Verdict]) -> list[Verdict]:
    """Without declared levels the lowest score of the batch is the only known wrong score."""
    if one.verifier.levels:
        return verdicts
    lowest = min((v.score for v in verdicts), default=0.0)
    return [replace(v, score=min(v.score, lowest)) if v.outcome in FAULTS else v for v in verdicts]


def _metrics(
    bound: Sequence[BoundVerifier], verdicts: Mapping[str, Sequence[Verdict]]
) -> dict[str, float]:
    return {
        key: sum(numbers) / len(numbers)
        for one in bound
        for key, numbers in measures(one.verifier, verdicts[one.name]).items()
        if numbers
    }
