"""The row of a rollouts file, shared by scoring, training and the report.

Covers: `rollouts.jsonl`: `response` and `answer`, optionally `id`,
`prompt`, `group`, `step`, `num_tokens` and any further column; scored rows add `reward` and
`verdicts`, per verifier `score`, `outcome`, `reason`, `stage`.
Does not cover: how a response is scored; `verifiers` does.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from mindspeed_rl_ext.core.errors import InputError
from mindspeed_rl_ext.core.files.jsonlines import read_jsonl
from mindspeed_rl_ext.core.responses.answers import canonical_text


class _Named(Protocol):
    @property
    def name(self) -> str: ...


class VerdictLike(Protocol):
    """A verdict as verifiers return it; its outcome is an enum member."""

    @property
    def score(self) -> float:
        """One of the verifier's levels."""

    @property
    def outcome(self) -> _Named:
        """What was found."""

    @property
    def reason(self) -> str:
        """Why."""

    @property
    def stage(self) -> str:
        """Which stage decided."""


@dataclass(frozen=True)
class VerdictRow:
    """The verdict of one verifier on one response, as it is written."""

    score: float
    outcome: str
    reason: str = ""
    stage: str = ""

    @classmethod
    def of(cls, verdict: VerdictLike) -> VerdictRow:
        """The row of a verdict."""
        return cls(verdict.score, verdict.outcome.name, verdict.reason, verdict.stage)


def verdict_rows(
    verdicts: Mapping[str, Sequence[VerdictLike]], index: int
) -> dict[str, VerdictRow]:
    """The rows of one response.

    Args:
        verdicts: by verifier name, one for each response.
        index: which response.
    """
    return {name: VerdictRow.of(row[index]) for name, row in verdicts.items()}


@dataclass(frozen=True)
class Rollout:
    """One response of a policy.

    Args:
        response: the text that the policy produced.
        answer: the reference answer, as text.
        prompt: the text that the policy was given.
        id: name of the problem; `line N` where the file gives none.
        group: which responses were sampled for the same prompt.
        step: training step that produced it.
        num_tokens: length of the response in tokens.
        extra: further columns, for verifiers that need them.
        reward: weighted sum of the scores, once scored.
        verdicts: by verifier name, once scored.
    """

    response: str
    answer: str
    prompt: str | None = None
    id: str | None = None
    group: str | None = None
    step: int | None = None
    num_tokens: int | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)
    reward: float | None = None
    verdicts: Mapping[str, VerdictRow] = field(default_factory=dict)

    def to_row(self) -> dict[str, Any]:
        """The JSON object of this rollout; fields without a value are left out.

        Example:
            >>> Rollout(response="a", answer="b", step=3).to_row()
            {'response': 'a', 'answer': 'b', 'step': 3}
        """
        row: dict[str, Any] = {"response": self.response, "answer": self.answer}
        for name in OPTIONAL_COLUMNS:
            value = getattr(self, name)
            if value is not None:
                row[name] = value
        row.update(self.extra)
        if self.reward is not None:
            row["reward"] = self.reward
        if self.verdicts:
            row["verdicts"] = {name: vars(verdict) for name, verdict in self.verdicts.items()}
        return row


def rollout_of_columns(
    response: str,
    columns: Mapping[str, Any],
    verdicts: Mapping[str, VerdictRow],
    reward: float | None = None,
) -> Rollout:
    """A scored response as a trainer has it: its columns go where a rollout has a place for them.

    Args:
        response: the text.
        columns: the columns of its row by name; the reference answer as `answer` or as the hosts'
            `labels`. Those that a rollout has no place for stay further columns.
        verdicts: by verifier name.
        reward: weighted sum, where it is known.

    Example:
        >>> rollout_of_columns("a", {"labels": "b", "topic": "c"}, {}).to_row()
        {'response': 'a', 'answer': 'b', 'topic': 'c'}
    """
    left = dict(columns)
    labels = left.pop("labels", None)
    answer = left.pop("answer", labels)
    known = {name: left.pop(name) for name in OPTIONAL_COLUMNS if name in left}
    extra = {name: value for name, value in left.items() if name not in KNOWN_COLUMNS}
    return Rollout(
        response,
        "" if answer is None else answer,
        **known,
        extra=extra,
        reward=reward,
        verdicts=verdicts,
    )


OPTIONAL_COLUMNS = ("id", "prompt", "group", "step", "num_tokens")
KNOWN_COLUMNS = frozenset({"response", "answer", "reward", "verdicts", *OPTIONAL_COLUMNS})


def read_rollouts(path: str | Path) -> Iterator[Rollout]:
    """Yields the rollouts of a JSON Lines file.

    Raises:
        InputError: a line that is not an object, or lacks `response` or `answer`.
    """
    for number, row in read_jsonl(path):
        yield from_row(row, f"{path}, line {number}", default_id=f"line {number}")


def from_row(row: Mapping[str, Any], place: str, *, default_id: str | None = None) -> Rollout:
    """Builds a rollout from a JSON object; `place` names it in errors."""
    for column in ("response", "answer"):
        if column not in row:
            raise InputError(
                f"{place} has no column {column!r}",
                found=f"columns {', '.join(sorted(row))}",
                expected="response and answer, optionally " + ", ".join(OPTIONAL_COLUMNS),
                remedy="rename the columns of the file",
            )
    if not isinstance(row["response"], str):
        raise InputError(
            f"{place}: response is not text",
            found=type(row["response"]).__name__,
            expected="a string",
            remedy="write the decoded response",
        )
    for column in ("step", "num_tokens"):
        if not isinstance(row.get(column), (int, type(None))):
            raise InputError(
                f"{place}: {column} is not an integer",
                found=repr(row[column]),
                expected="an integer, or no such column",
                remedy="write a number",
            )
    return Rollout(
        response=row["response"],
        answer=_answer(row["answer"], place),
        prompt=row.get("prompt"),
        id=str(row["id"]) if row.get("id") is not None else default_id,
        group=str(row["group"]) if row.get("group") is not None else None,
        step=row.get("step"),
        num_tokens=row.get("num_tokens"),
        extra={name: value for name, value in row.items() if name not in KNOWN_COLUMNS},
        reward=row.get("reward"),
        verdicts=_verdicts(row.get("verdicts") or {}, place),
    )


def _answer(value: Any, place: str) -> str:
    try:
        return canonical_text(value)
    except ValueError as error:
        raise InputError(
            f"{place}: the answer is no usable value",
            found=str(error),
            expected="text, a finite number, a list or an object",
            remedy="fix or remove the row",
        ) from error


def _verdicts(verdicts: Any, place: str) -> dict[str, VerdictRow]:
    try:
        return {name: VerdictRow(**verdict) for name, verdict in verdicts.items()}
    except (AttributeError, TypeError) as error:
        raise InputError(
            f"{place}: verdicts are not readable",
            found=str(error),
            expected='{"NAME": {"score": 1.0, "outcome": "CORRECT", "reason": "", "stage": ""}}',
            remedy="score the file again with msrl-ext score",
        ) from error
