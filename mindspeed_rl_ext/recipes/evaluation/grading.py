"""Verdicts on every response: strict and lenient side by side, and the three classes.

Covers: a strict verifier, a format verifier where the strict one does not judge the format, a
lenient one; what a problem without usable reference counts as.
Does not cover: figures; `figures` takes them.

The classes, those of the CS336 note; each response is in exactly one:

- `format_and_answer`: the format is kept and the answer right;
- `format_only`: the format is kept, the answer is wrong, unreadable or cannot be scored;
- `neither`: the format is not kept, whatever the answer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from mindspeed_rl_ext.core.errors import InputError
from mindspeed_rl_ext.core.responses.rollouts import VerdictRow
from mindspeed_rl_ext.recipes.evaluation.backends.response import Response
from mindspeed_rl_ext.recipes.evaluation.problems.loading import Problem
from mindspeed_rl_ext.verifiers import Outcome, Verdict, resolve, score
from mindspeed_rl_ext.verifiers.builtin.last_answer import answer_to, stated_answer

FORMAT_AND_ANSWER, FORMAT_ONLY, NEITHER = "format_and_answer", "format_only", "neither"
CLASSES = (FORMAT_AND_ANSWER, FORMAT_ONLY, NEITHER)
# What says that the format was not kept, where the strict verifier judges both.
_NO_FORMAT = (Outcome.BAD_FORMAT, Outcome.NO_ANSWER)
# Stands for a reference that is missing, so that the format can be scored all the same.
_STAND_IN = "0"
# The columns that an evaluation has.
NEEDED = ("answer", "prompt", "num_tokens")


@dataclass(frozen=True)
class Graders:
    """The verifiers of an evaluation.

    Args:
        strict: judges the answer; and the format, where `format` is "".
        lenient: judges the answer wherever it stands.
        format: judges the format alone; "" where `strict` does.
    """

    strict: str = "simplerl"
    lenient: str = "last_answer"
    format: str = ""

    @property
    def specs(self) -> list[str]:
        """All of them, each once, with parameters."""
        return list(
            dict.fromkeys(spec for spec in (self.format, self.strict, self.lenient) if spec)
        )


class Attempt(NamedTuple):
    """One response to a problem, not yet scored."""

    problem: Problem
    sample: int
    prompt: str
    response: Response

    @property
    def id(self) -> str:
        """Its name in every file."""
        return f"{self.problem.id}-{self.sample}"


@dataclass(frozen=True)
class Graded:
    """One response with what was found.

    Args:
        attempt: the response and its problem.
        kind: one of CLASSES.
        correct: whether strict grading takes it for right: its class is the first.
        lenient_correct: whether lenient grading does.
        answer: what it answers, "" where nothing is stated or what is stated is no answer.
        outcome: the strict outcome, with BAD_REFERENCE for an unusable reference.
        verdicts: of each verifier, as rollouts carry them.
    """

    attempt: Attempt
    kind: str
    correct: bool
    lenient_correct: bool
    answer: str
    outcome: str
    verdicts: Mapping[str, VerdictRow]


def check_graders(graders: Graders) -> None:
    """Refuses verifiers that can't grade, before a response is generated.

    Raises:
        InputError: an unknown name, a column that an evaluation has not, a verifier that gives
            numbers without outcomes.
    """
    for spec in graders.specs:
        bound = resolve(spec)
        unknown = [need for need in bound.needs if need not in NEEDED]
        if unknown:
            raise InputError(
                f"verifier {bound.name!r} needs the column {unknown[0]!r}",
                found=f"an evaluation has {', '.join(NEEDED)}",
                remedy="choose another verifier",
            )
        given = {"answer": _STAND_IN, "prompt": "", "num_tokens": 0}
        verdict = bound("", **{need: given[need] for need in bound.needs})
        if verdict.outcome is Outcome.SCORED:
            raise InputError(
                f"verifier {bound.name!r} gives a number, not an outcome",
                expected="a verifier that returns a Verdict: classes are made of outcomes",
                remedy="return Verdict(Outcome.CORRECT, ...) and so on",
            )


def grade(attempts: Sequence[Attempt], graders: Graders) -> list[Graded]:
    """Scores responses.

    Args:
        attempts: of any problems.
        graders: the verifiers.
    """
    if not attempts:
        return []
    result = score(
        [a.response.text for a in attempts],
        [a.problem.answer or _STAND_IN for a in attempts],
        verifiers=graders.specs,
        data={
            "prompt": [a.prompt for a in attempts],
            "num_tokens": [a.response.num_tokens or 0 for a in attempts],
        },
    )
    name = {spec: resolve(spec).name for spec in graders.specs}
    strict, lenient = result.verdicts[name[graders.strict]], result.verdicts[name[graders.lenient]]
    formats = result.verdicts[name[graders.format]] if graders.format else None
    graded = []
    for i, attempt in enumerate(attempts):
        kept = _format_kept(strict[i], formats[i] if formats else None)
        verdicts = {n: VerdictRow.of(column[i]) for n, column in result.verdicts.items()}
        graded.append(_graded(attempt, kept, strict[i], lenient[i], verdicts))
    return graded


def _graded(
    attempt: Attempt,
    kept: bool,
    strict: Verdict,
    lenient: Verdict,
    verdicts: Mapping[str, VerdictRow],
) -> Graded:
    text, reference = attempt.response.text, attempt.problem.answer or _STAND_IN
    accepted = Outcome.CORRECT in (strict.outcome, lenient.outcome)
    usable = not attempt.problem.fault
    right = usable and strict.outcome is Outcome.CORRECT
    kind = NEITHER if not kept else FORMAT_AND_ANSWER if right else FORMAT_ONLY
    outcome = strict.outcome if usable else Outcome.BAD_REFERENCE
    return Graded(
        attempt,
        kind,
        kind == FORMAT_AND_ANSWER,
        usable and lenient.outcome is Outcome.CORRECT,
        (stated_answer(text) if accepted else answer_to(text, reference)) or "",
        outcome.value,
        verdicts,
    )


def _format_kept(strict: Verdict, form: Verdict | None) -> bool:
    if form is not None:
        return form.outcome is Outcome.CORRECT
    return strict.outcome not in _NO_FORMAT
