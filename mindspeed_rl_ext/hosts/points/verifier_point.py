"""Wraps a host's `verifier`, so that its YAML may name our verifiers beside its own.

Covers: the host's own names scored by the host's own function, ours by ours with every column,
weights added in the order of the YAML, metrics under the host's keys as per-sample lists.
Does not cover: multimodal runs, in which the host never calls `verifier`.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from types import ModuleType
from typing import Any

from mindspeed_rl_ext.core.errors import InputError
from mindspeed_rl_ext.core.responses.audit import audit, auditing, scoring
from mindspeed_rl_ext.core.responses.metrics import reward_key
from mindspeed_rl_ext.core.responses.rollouts import (
    Rollout,
    VerdictRow,
    rollout_of_columns,
    verdict_rows,
)
from mindspeed_rl_ext.hosts.points.batch_columns import batch_column
from mindspeed_rl_ext.hosts.points.overlay import Overlay
from mindspeed_rl_ext.hosts.points.verifier_names import (
    bare_name,
    check_clashes,
    check_weights,
    names_us,
    unknown_name,
)
from mindspeed_rl_ext.hosts.probe import names_in_table
from mindspeed_rl_ext.hosts.tripwire import trip_functions
from mindspeed_rl_ext.verifiers import Verdict, is_ours, resolve, score
from mindspeed_rl_ext.verifiers.measures import measures

Metrics = dict[str, list[float]]


@dataclass(frozen=True)
class Batch:
    """One call of a host's verifier, in our words.

    Args:
        responses: decoded responses.
        data: the columns that the host passes, `labels` among them.
        names: as in `verifier_function`.
        weights: as in `verifier_weight`.
        filter_metric: the metric by which the host may filter groups; None for none.
        filters: whether it will.
    """

    responses: Sequence[str]
    data: Mapping[str, Sequence[Any]]
    names: Sequence[str]
    weights: Sequence[float]
    filter_metric: str | None = None
    filters: bool = False


ScoreByHost = Callable[[str], "tuple[list[float], Metrics] | None"]


@scoring()
def score_batch(
    batch: Batch, score_by_host: ScoreByHost, host_names: Sequence[str], prefix: str
) -> tuple[list[float], Metrics]:
    """Rewards and per-sample metrics of one batch.

    Args:
        score_by_host: scores of one of the host's names with its metrics; None for an unknown name.
        host_names: the host's names, as far as they can be read.
        prefix: what the host writes before `{name}_rewards/mean`.

    Raises:
        InputError: an unknown name, a missing column, weights of another number.
    """
    check_weights(batch.names, batch.weights)
    ours = [name for name in batch.names if is_ours(name)]
    check_clashes(ours, host_names)
    for name in batch.names:
        if name not in ours and host_names and name not in host_names:
            raise unknown_name(name, host_names)
    scored = _score_ours(ours, batch)
    scores, metrics = _metrics_of(ours, scored, batch, prefix)
    for name in batch.names:
        if name not in ours:
            answer = score_by_host(name)
            if answer is None:
                raise unknown_name(name, host_names)
            scores[name] = answer[0]
            metrics.update(answer[1])
    rewards = [0.0] * len(batch.responses)
    _check_filter(batch, metrics)
    for name, weight in zip(batch.names, batch.weights, strict=True):
        rewards = [so_far + one * weight for so_far, one in zip(rewards, scores[name], strict=True)]
    if auditing():
        theirs = {name: scores[name] for name in batch.names if name not in ours}
        audit(partial(audit_rows, batch.responses, batch.data, scored, theirs, list(rewards)))
    return rewards, metrics


@dataclass(frozen=True)
class Scored:
    """What our verifiers found in a batch, and the columns that they were given."""

    verdicts: Mapping[str, Sequence[Verdict]]
    columns: Mapping[str, Sequence[Any]]


def _score_ours(ours: list[str], batch: Batch) -> Scored:
    if not ours:
        return Scored({}, {})
    bound = [resolve(name) for name in ours]
    needs = {need for one in bound for need in one.needs}
    columns = {need: _column(need, batch) for need in sorted(needs)}
    wants = {name for one in bound for name in one.columns} - needs
    there = {name: _find_column(name, batch) for name in sorted(wants)}
    columns |= {name: found for name, found in there.items() if found is not None}
    return Scored(score(batch.responses, verifiers=ours, data=columns).verdicts, columns)


def _metrics_of(
    ours: list[str], scored: Scored, batch: Batch, prefix: str
) -> tuple[dict[str, list[float]], Metrics]:
    scores: dict[str, list[float]] = {}
    metrics: Metrics = {}
    for name in ours:
        bare = bare_name(name)
        verdicts = scored.verdicts[bare]
        scores[name] = [verdict.score for verdict in verdicts]
        numbers = measures(resolve(name).verifier, verdicts)
        metrics.update({prefix + key: values for key, values in numbers.items()})
        if batch.filter_metric == prefix + reward_key(name):
            metrics[batch.filter_metric] = scores[name]
    return scores, metrics


def audit_rows(
    responses: Sequence[str],
    data: Mapping[str, Sequence[Any]],
    scored: Scored,
    theirs: Mapping[str, Sequence[float]],
    rewards: Sequence[float],
) -> Iterator[Rollout]:
    """The rows of a batch for the audit.

    Args:
        responses: decoded responses.
        data: the columns that the host passes.
        scored: what our verifiers found.
        theirs: scores of the host's own verifiers by name; their outcome is SCORED.
        rewards: weighted sums.
    """
    count = len(responses)
    columns = {**data, **scored.columns}
    whole = {name: column for name, column in columns.items() if len(column) == count}
    for index, response in enumerate(responses):
        row = {name: column[index] for name, column in whole.items()}
        host = {name: VerdictRow(float(s[index]), "SCORED") for name, s in theirs.items()}
        verdicts = {**verdict_rows(scored.verdicts, index), **host}
        yield rollout_of_columns(response, row, verdicts, rewards[index])


def _check_filter(batch: Batch, metrics: Metrics) -> None:
    if batch.filters and batch.filter_metric not in metrics:
        raise InputError(
            "the metric by which groups are filtered is no verifier's",
            found=f"filter_groups_metric: {batch.filter_metric}",
            expected=f"one of {', '.join(key for key in metrics if '_outcome/' not in key)}",
            remedy="filter_groups_metric names one of verifier_function, written as it is there",
        )


def _key(name: str) -> str:
    return "labels" if name == "answer" else name


def _find_column(name: str, batch: Batch) -> Sequence[Any] | None:
    found = batch.data.get(_key(name))
    return batch_column(name, len(batch.responses)) if found is None else found


def _column(need: str, batch: Batch) -> Sequence[Any]:
    found = _find_column(need, batch)
    if found is None:
        raise InputError(
            f"a verifier needs the column {need!r}, which the host does not pass",
            found=f"columns {', '.join(sorted(batch.data)) or 'none'}",
            remedy=f"add {_key(need)} to dataset_additional_keys, in preprocessing and in training",
        )
    return found


def wrap_verifier(module: ModuleType, *, prefix: str) -> None:
    """Wraps `verifier(responses, data, config, **kwargs)` of MindSpeed-RL.

    Args:
        prefix: what this host line writes before `{name}_rewards/mean`.
    """
    original = module.verifier
    if getattr(original, "_msrl_ext", False):
        return
    host_names = names_in_table(original)

    @functools.wraps(original)
    def verifier(responses: Any, data: Any, config: Any, **kwargs: Any) -> Any:
        def score_by_host(name: str) -> tuple[list[float], Metrics] | None:
            narrowed = Overlay(config, verifier_function=[name], verifier_weight=[1.0])
            scores, metrics = original(responses, data, narrowed, **kwargs)
            return (scores, metrics) if prefix + reward_key(name) in metrics else None

        batch = Batch(
            responses,
            data,
            list(config.verifier_function),
            list(config.verifier_weight),
            getattr(config, "filter_groups_metric", None),
            bool(getattr(config, "filter_groups_enable", False)),
        )
        return score_batch(batch, score_by_host, host_names, prefix)

    verifier._msrl_ext = True  # type: ignore[attr-defined]
    module.verifier = verifier  # type: ignore[attr-defined]


def trip_verifier(module: ModuleType, error: Exception) -> None:
    """Makes every function of the module that is given a config with a name of ours raise."""
    trip_functions(module, error, names_us)
