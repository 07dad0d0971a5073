"""Rows of mixed data sources: each scored by the verifiers of its source, never raising for a row.

Covers: tables of verifiers and weights by data source; references that are a list, of which any
member counts; rows without a column, without a reference or of an unknown source; the same keys
for every row.
Does not cover: where rows come from (`integrations.verl` and the reward manager of verl do).

Example:
    >>> table = build_table({"gsm8k": ["last_answer"], "countdown": ["countdown"]})
    >>> rows = [Row("gsm8k", "It is 72.", ["71", "72"]), Row("chess", "e4", "e4")]
    >>> [(row.reward, row.outcome.value) for row in score_rows(table, rows)]
    [(1.0, 'CORRECT'), (0.0, 'ERROR')]
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mindspeed_rl_ext.core.errors import InputError, shorten
from mindspeed_rl_ext.verifiers.api import BoundVerifier
from mindspeed_rl_ext.verifiers.checks import check_weights, resolve_all
from mindspeed_rl_ext.verifiers.running.batch import score_batch
from mindspeed_rl_ext.verifiers.scoring import combine_scores
from mindspeed_rl_ext.verifiers.verdict import Outcome, Verdict

# The source that stands for every source that is not named.
ANY_SOURCE = "default"
# What a data source of verl's own examples is scored with where nobody chose. GSM8K's prompts ask
# for a last line `#### 72`, which only a verifier that takes an answer from any text pays.
KNOWN_SOURCES: Mapping[str, Sequence[str]] = {
    "countdown": ["countdown"],
    "math_dapo": ["dapo"],
    "openai/gsm8k": ["last_answer"],
    ANY_SOURCE: ["boxed_acc"],
}


@dataclass(frozen=True)
class Mix:
    """The verifiers of one data source, with a weight each."""

    bound: tuple[BoundVerifier, ...]
    weights: tuple[float, ...]

    @property
    def judging(self) -> BoundVerifier | None:
        """The first verifier whose outcome says whether the answer is right."""
        return next((one for one in self.bound if one.verifier.judges_answer), None)


@dataclass(frozen=True)
class Table:
    """Which verifiers score rows of which data source.

    Args:
        mixes: by data source; `ANY_SOURCE` for those that are not named.
    """

    mixes: Mapping[str, Mix]

    def mix_of(self, source: str) -> Mix | None:
        """The mix of a data source; None where the table has none."""
        return self.mixes.get(source) or self.mixes.get(ANY_SOURCE)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all verifiers, each once."""
        return tuple(dict.fromkeys(one.name for mix in self.mixes.values() for one in mix.bound))

    @property
    def needs(self) -> frozenset[str]:
        """The columns that any verifier needs."""
        return frozenset(
            need for mix in self.mixes.values() for one in mix.bound for need in one.needs
        )

    @property
    def columns(self) -> frozenset[str]:
        """The columns that any verifier takes, those included that it does without."""
        return frozenset(
            name for mix in self.mixes.values() for one in mix.bound for name in one.columns
        )

    @property
    def judges(self) -> bool:
        """Whether any of its verifiers judges the answer."""
        return any(mix.judging for mix in self.mixes.values())


@dataclass(frozen=True)
class Row:
    """One response.

    Args:
        source: its data source.
        response: the text.
        answer: the reference; a list or an array where any of several counts.
        columns: further columns by name.
    """

    source: str
    response: str
    answer: Any
    columns: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class RowResult:
    """What was found about a row.

    Args:
        reward: the weighted sum.
        verdicts: by verifier; those of its source only.
        outcome: of the verifier that judges the answer, else of the first one.
        reason: of the same.
        judged: whether the outcome says that the answer is right or not.
    """

    reward: float
    verdicts: Mapping[str, Verdict]
    outcome: Outcome
    reason: str
    judged: bool


def build_table(verifiers: Any, weights: Any = None) -> Table:
    """The table that a configuration means.

    Args:
        verifiers: a list of specs, one text with commas between, or either by data source.
        weights: as many numbers, or a list by data source; 1 each where left out.

    Raises:
        InputError: an unknown verifier or parameter, weights that do not fit, sources that have
            weights and no verifiers.
    """
    if not isinstance(verifiers, Mapping):
        if isinstance(weights, Mapping):
            raise InputError(
                "weights are given by data source, verifiers are not",
                remedy="give both by data source, or both as lists",
            )
        return Table({ANY_SOURCE: _mix(verifiers, weights)})
    if weights is not None and not isinstance(weights, Mapping):
        raise InputError(
            "verifiers are given by data source, weights are not",
            remedy="give both by data source, or leave the weights out",
        )
    factors = dict(weights or {})
    lost = sorted(set(factors) - set(verifiers))
    if lost:
        raise InputError(f"weights for {lost[0]!r}, which has no verifiers")
    mixes = {str(name): _mix(specs, factors.get(name)) for name, specs in verifiers.items()}
    if not mixes:
        raise InputError("no verifier is given", remedy='for example verifiers=["simplerl"]')
    return Table(mixes)


def _mix(verifiers: Any, weights: Any) -> Mix:
    bound = resolve_all(verifiers if isinstance(verifiers, str) else list(verifiers or []))
    return Mix(tuple(bound), tuple(check_weights(weights, bound)))


def score_rows(table: Table, rows: Sequence[Row]) -> list[RowResult]:
    """Scores rows; a row that can't be scored has the lowest score, ERROR and a reason.

    Args:
        table: the verifiers by data source.
        rows: in any order; equal ones are scored once.
    """
    groups: dict[str, list[int]] = {}
    results: list[RowResult | None] = [None] * len(rows)
    for index, row in enumerate(rows):
        fault = _fault(table, row)
        if fault:
            results[index] = failed_row(table, row.source, fault)
        else:
            groups.setdefault(row.source, []).append(index)
    for source, indices in groups.items():
        mix = table.mix_of(source)
        assert mix is not None
        found = _score_mix(mix, [rows[index] for index in indices])
        for index, result in zip(indices, found, strict=True):
            results[index] = result
    return [result for result in results if result is not None]


def _fault(table: Table, row: Row) -> str:
    """Why a row can't be scored; "" where it can."""
    mix = table.mix_of(row.source)
    if mix is None:
        known = ", ".join(table.mixes)
        return f"no verifiers for the data source {row.source!r}; there are some for {known}"
    given = {*row.columns, "answer"}
    for one in mix.bound:
        missing = sorted(set(one.needs) - given)
        if missing:
            return f"verifier {one.name!r} needs the column {missing[0]!r}"
    return ""


def failed_row(
    table: Table, source: str, reason: str, outcome: Outcome = Outcome.ERROR
) -> RowResult:
    """The result of a row that was not scored: wrong for each verifier of its source.

    A source without verifiers gets the lowest reward of all sources.
    """
    mix = table.mix_of(source)
    if mix is None:
        lowest = min(map(_wrong_reward, table.mixes.values()))
        return RowResult(lowest, {}, outcome, reason, judged=False)
    verdicts = {one.name: Verdict(outcome, one.wrong_score, reason, "row") for one in mix.bound}
    return RowResult(_wrong_reward(mix), verdicts, outcome, reason, mix.judging is not None)


def _wrong_reward(mix: Mix) -> float:
    pairs = zip(mix.weights, mix.bound, strict=True)
    return float(sum(weight * one.wrong_score for weight, one in pairs))


def _score_mix(mix: Mix, rows: Sequence[Row]) -> list[RowResult]:
    """Rows of one source, whose columns are there: one batch with a line per reference."""
    lines = [(row, answer) for row in rows for answer in references(row.answer)]
    names = {name for one in mix.bound for name in one.columns} - {"answer"}
    there = [name for name in names if any(name in row.columns for row, _ in lines)]
    columns = {name: [row.columns.get(name) for row, _ in lines] for name in there}
    columns["answer"] = [answer for _, answer in lines]
    verdicts = score_batch(mix.bound, [row.response for row, _ in lines], columns)
    results, start = [], 0
    for row in rows:
        end = start + len(references(row.answer))
        best = max(range(start, end), key=lambda line: _rank(mix, verdicts, line))
        results.append(_result(mix, {name: found[best] for name, found in verdicts.items()}))
        start = end
    return results


def _rank(mix: Mix, verdicts: Mapping[str, list[Verdict]], line: int) -> tuple[bool, float]:
    """By which of several references a response does best: right before wrong, then the score."""
    judging = mix.judging
    right = judging is not None and verdicts[judging.name][line].outcome is Outcome.CORRECT
    pairs = zip(mix.weights, mix.bound, strict=True)
    return right, sum(weight * verdicts[one.name][line].score for weight, one in pairs)


def references(answer: Any) -> list[Any]:
    """The references of which any counts: the members of a list, or the one that there is.

    Example:
        >>> references(["72", 73]), references({"target": 3}), references([])
        (['72', 73], [{'target': 3}], [None])
    """
    plain = answer.tolist() if hasattr(answer, "tolist") else answer
    members = list(plain) if isinstance(plain, list | tuple) else [plain]
    return members or [None]


def _result(mix: Mix, verdicts: Mapping[str, Verdict]) -> RowResult:
    found = {name: [verdict] for name, verdict in verdicts.items()}
    reward = combine_scores(mix.bound, mix.weights, found).rewards[0]
    leading = mix.judging or mix.bound[0]
    verdict = verdicts[leading.name]
    return RowResult(reward, verdicts, verdict.outcome, verdict.reason, mix.judging is not None)


def row_fields(table: Table, result: RowResult, absent: float | None) -> dict[str, Any]:
    """What a trainer logs of a row: the same keys for every row of a table.

    Args:
        table: the verifiers by data source.
        result: of one row.
        absent: what stands for a number that this row's source does not have.

    Returns:
        `score`, `outcome`, `reason`; `acc` where a verifier judges the answer (1.0 where it is
        right); `{name}_score`, `{name}_outcome` of every verifier of the table.
    """
    fields: dict[str, Any] = {
        "score": result.reward,
        "outcome": result.outcome.value,
        "reason": shorten(result.reason, 200),
    }
    if table.judges:
        right = float(result.outcome is Outcome.CORRECT)
        fields["acc"] = right if result.judged else absent
    for name in table.names:
        verdict = result.verdicts.get(name)
        fields[f"{name}_score"] = absent if verdict is None else verdict.score
        fields[f"{name}_outcome"] = "" if verdict is None else verdict.outcome.value
    return fields


@functools.cache
def known_table() -> Table:
    """The table of `KNOWN_SOURCES`."""
    return build_table(KNOWN_SOURCES)


def known_source_fields(
    source: str, response: str, answer: Any, columns: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """One response scored by its data source, with keys that do not depend on the source.

    Example:
        >>> known_source_fields("openai/gsm8k", "#### 72", "72")["acc"]
        1.0
    """
    row = Row(source, response, answer, dict(columns or {}))
    fields = row_fields(known_table(), score_rows(known_table(), [row])[0], absent=None)
    return {key: fields[key] for key in ("score", "acc", "outcome", "reason")}
