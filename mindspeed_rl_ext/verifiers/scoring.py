"""Responses to rewards: every verifier on every response, weighed, with metrics and reasons.

Covers: checks before anything is scored, the weighted sum, the metrics that hosts log.
Does not cover: what a verifier thinks; files of rollouts (`command` reads those).

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

import math
import pickle
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from mindspeed_rl_ext.core.errors import InputError
from mindspeed_rl_ext.core.metrics import outcome_key, reward_key
from mindspeed_rl_ext.verifiers.api import BoundVerifier, isolated_verdicts, resolve
from mindspeed_rl_ext.verifiers.equivalence import deferred, symbolic
from mindspeed_rl_ext.verifiers.spec import split_specs
from mindspeed_rl_ext.verifiers.verdict import Outcome, Verdict


@dataclass(frozen=True)
class Result:
    """What scoring a batch gives.

    Args:
        rewards: one number a response, the weighted sum of its scores.
        metrics: per verifier the mean score and the fraction of each outcome.
        verdicts: by verifier name, one a response.
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
        responses: texts, one a rollout.
        answers: reference answers, as many; may be left out where no verifier needs them.
        verifiers: specs such as `"simplerl"` or `"countdown(think_prefilled=True)"`.
        weights: as many as verifiers; 1 each where left out.
        data: further columns by name, each as long as `responses`.

    Raises:
        InputError: an unknown verifier, a missing column, columns or weights of other lengths.
    """
    bound = resolve_all(verifiers)
    factors = checked_weights(weights, bound)
    columns = checked_columns(responses, answers, data or {}, bound)
    return assembled(bound, factors, judged(bound, responses, columns))


def assembled(
    bound: Sequence[BoundVerifier],
    factors: Sequence[float],
    found: Mapping[str, list[Verdict]],
) -> Result:
    """The result of a batch from what each verifier said of it.

    Args:
        bound: the verifiers.
        factors: their weights.
        found: by verifier name, one verdict a response.
    """
    verdicts = {one.name: _with_lowest(one, found[one.name]) for one in bound}
    count = len(next(iter(verdicts.values())))
    rewards = [
        sum(
            factor * verdicts[one.name][i].score for factor, one in zip(factors, bound, strict=True)
        )
        for i in range(count)
    ]
    return Result(rewards, _metrics(verdicts), verdicts)


def resolve_all(verifiers: Sequence[str]) -> list[BoundVerifier]:
    """Resolves specs, refusing two of the same name: their metrics could not be told apart."""
    specs = split_specs(verifiers) if isinstance(verifiers, str) else list(verifiers)
    bound = [resolve(spec) for spec in specs]
    if not bound:
        raise InputError("no verifier is given", remedy='for example verifiers=["simplerl"]')
    twice = sorted(name for name, count in Counter(b.name for b in bound).items() if count > 1)
    if twice:
        raise InputError(
            f"verifier {twice[0]!r} is given twice",
            found=", ".join(map(str, specs)),
            expected="each name once: metrics carry the bare name",
            remedy="leave one out, or register a second function under another name",
        )
    return bound


def checked_weights(weights: Sequence[float] | None, bound: Sequence[BoundVerifier]) -> list[float]:
    """One weight a verifier, 1 each where none are given; raises InputError otherwise."""
    if weights is None:
        return [1.0] * len(bound)
    if len(weights) != len(bound):
        raise InputError(
            "verifiers and weights differ in number",
            found=f"{len(bound)} verifiers, {len(weights)} weights",
            expected="one weight a verifier",
            remedy="add or remove weights",
        )
    factors = [float(weight) for weight in weights]
    if not all(map(math.isfinite, factors)):
        raise InputError(
            "a weight is not a finite number",
            found=", ".join(map(str, factors)),
            expected="finite numbers, such as 0.5",
            remedy="mend the weights",
        )
    return factors


def checked_columns(
    responses: Sequence[str],
    answers: Sequence[Any] | None,
    data: Mapping[str, Sequence[Any]],
    bound: Sequence[BoundVerifier],
) -> dict[str, Sequence[Any]]:
    """The columns by name, `answer` among them; raises InputError for what cannot be scored."""
    columns = dict(data) if answers is None else {**data, "answer": answers}
    for one in bound:
        for need in one.needs:
            if need not in columns:
                raise InputError(
                    f"verifier {one.name!r} needs the column {need!r}",
                    found=f"columns {', '.join(sorted(columns)) or 'none'}",
                    remedy=f"pass {'answers' if need == 'answer' else f'data[{need!r}]'}",
                )
    for name, column in columns.items():
        if len(column) != len(responses):
            raise InputError(
                f"column {name!r} and the responses differ in length",
                found=f"{len(column)} values, {len(responses)} responses",
                expected="one value a response",
                remedy="pass columns of one batch",
            )
    for index, response in enumerate(responses):
        if not isinstance(response, str):
            raise InputError(
                f"response {index} is not text",
                found=type(response).__name__,
                expected="a decoded string",
                remedy="decode the tokens first",
            )
    return columns


Item = tuple[str, dict[str, Any]]


def judged(
    bound: Sequence[BoundVerifier], responses: Sequence[str], columns: Mapping[str, Sequence[Any]]
) -> dict[str, list[Verdict]]:
    """Every verifier on every response; what only sympy decides is settled for all together."""
    batch = deferred.Batch()
    work = [_Work(one, responses, columns) for one in bound]
    for part in work:
        part.go(batch)
    batch.known.update(symbolic.settle(batch.wanted, symbolic.MANY))
    for part in work:
        # A user's verifier may compare a second pair once it knows the first: settled singly.
        while part.go(batch):
            missing = [pair for pair in batch.wanted if pair not in batch.known]
            batch.known.update(symbolic.settle(missing, symbolic.MANY))
    return {part.bound.name: part.verdicts() for part in work}


class _Work:
    """One verifier's part of a batch: each distinct response, with its columns, is judged once.

    Args:
        bound: the verifier, a function of what it is given.
        responses: the batch.
        columns: by name, one value a response.
    """

    def __init__(
        self,
        bound: BoundVerifier,
        responses: Sequence[str],
        columns: Mapping[str, Sequence[Any]],
    ) -> None:
        self.bound = bound
        self._items: dict[object, Item] = {}
        self._keys: list[object] = []
        self._found: dict[object, Verdict] = {}
        for i, response in enumerate(responses):
            item = (response, {need: columns[need][i] for need in bound.needs})
            key = _key(item, i)
            self._items.setdefault(key, item)
            self._keys.append(key)

    def go(self, batch: deferred.Batch) -> bool:
        """Judges what is not judged; returns whether something waits for the batch."""
        left = {key: item for key, item in self._items.items() if key not in self._found}
        if self.bound.verifier.isolated:
            said = isolated_verdicts(self.bound, list(left.values())) if left else []
            self._found.update(zip(left, said, strict=True))
            return False
        with deferred.gathering(batch):
            for key, (response, given) in left.items():
                try:
                    self._found[key] = self.bound(response, **given)
                except deferred.PendingError:
                    symbolic.prepare()
        return len(self._found) < len(self._items)

    def verdicts(self) -> list[Verdict]:
        """One for each response of the batch."""
        return [self._found[key] for key in self._keys]


def _with_lowest(one: BoundVerifier, verdicts: list[Verdict]) -> list[Verdict]:
    """Without declared levels the lowest score of the batch is the only known wrong score."""
    if one.verifier.levels:
        return verdicts
    lowest = min((v.score for v in verdicts), default=0.0)
    failed = (Outcome.ERROR, Outcome.TIMEOUT, Outcome.BAD_REFERENCE)
    return [replace(v, score=min(v.score, lowest)) if v.outcome in failed else v for v in verdicts]


def _key(item: Item, index: int) -> object:
    """What makes two items the same: the response and every column, by type and value."""
    try:
        return pickle.dumps(item)
    except Exception:  # noqa: BLE001 - what cannot be pickled raises anything; it is judged alone
        return index


def _metrics(verdicts: Mapping[str, Sequence[Verdict]]) -> dict[str, float]:
    metrics: dict[str, float] = {}
    for name, column in verdicts.items():
        if column:
            metrics[reward_key(name)] = sum(v.score for v in column) / len(column)
            counts = Counter(v.outcome for v in column)
            metrics.update({outcome_key(name, o.value): counts[o] / len(column) for o in Outcome})
    return metrics
