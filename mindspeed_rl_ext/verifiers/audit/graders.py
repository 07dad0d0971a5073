"""Second opinions: other graders, asked about the same responses.

Covers: `math-verify` (in workers that can be killed), any verifier of the registry by its spec, any
function `module:function` that takes a response and a reference answer, and words that other parts
bring (`host`).
Does not cover: what their answers mean beside ours; `comparing` does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Any

from mindspeed_rl_ext.core.errors import InputError, MissingExtraError
from mindspeed_rl_ext.core.responses.answers import canonical_text
from mindspeed_rl_ext.verifiers import pool
from mindspeed_rl_ext.verifiers.api import BoundVerifier, resolve
from mindspeed_rl_ext.verifiers.plugins import import_user_module
from mindspeed_rl_ext.verifiers.pool.symbolic import available
from mindspeed_rl_ext.verifiers.pool.tasks import OK, TIMEOUT
from mindspeed_rl_ext.verifiers.running.batch import score_batch
from mindspeed_rl_ext.verifiers.verdict import Outcome, Verdict

MATH_VERIFY = "math-verify"
# A second for most rows, three for the hard ones; a file of a thousand ends in minutes.
_BUDGET = pool.Budget((1.0, 3.0), 40.0, 300.0)
# What a grader returns as a table holds its score under one of these.
_SCORE_KEYS = ("score", "reward", "acc")

Columns = Mapping[str, Sequence[Any]]
Grader = Callable[[Sequence[str], Columns], list[Verdict]]


def find_grader(name: str, others: Mapping[str, Callable[[str], Grader]] | None = None) -> Grader:
    """The grader of a name.

    Args:
        name: `math-verify`, the spec of a verifier, `module:function`, or a word of `others`.
        others: what makes the grader of a word, given what stands behind its colon.

    Raises:
        InputError: an unknown name, or a function that cannot be imported.
        MissingExtraError: math-verify is not installed.
    """
    if name == MATH_VERIFY:
        reason = available()
        if reason:
            raise MissingExtraError("math-verify", "verify", f"--compare {MATH_VERIFY}")
        return _math_verify
    module, colon, function = name.partition(":")
    if others and module in others:
        return others[module](function)
    if colon and "(" not in module:
        return _of_function(_imported(module, function, name))
    return _of_verifier(resolve(name))


def _math_verify(responses: Sequence[str], columns: Columns) -> list[Verdict]:
    tasks = [
        pool.Task("grade", {"response": response, "answer": canonical_text(answer)})
        for response, answer in zip(responses, columns["answer"], strict=True)
    ]
    return [_verdict_of(reply) for reply in pool.run(tasks, _BUDGET)]


def _verdict_of(reply: pool.Reply) -> Verdict:
    if reply.status != OK:
        outcome = Outcome.TIMEOUT if reply.status == TIMEOUT else Outcome.ERROR
        return Verdict(outcome, 0.0, reply.reason, MATH_VERIFY)
    same, read = reply.value
    outcome = Outcome.CORRECT if same else Outcome.WRONG
    return Verdict(outcome, float(same), f"reads {read}", MATH_VERIFY)


def _of_verifier(bound: BoundVerifier) -> Grader:
    def grade(responses: Sequence[str], columns: Columns) -> list[Verdict]:
        missing = [need for need in bound.needs if need not in columns]
        if missing:
            raise InputError(
                f"--compare {bound.name} needs the column {missing[0]!r}",
                found=f"columns {', '.join(sorted(columns))}",
                remedy="add the column, or compare with another grader",
            )
        return score_batch([bound], responses, columns)[bound.name]

    return grade


def _imported(module: str, function: str, name: str) -> Callable[..., Any]:
    import_user_module(module)
    found = getattr(import_module(module), function, None)
    if not callable(found):
        raise InputError(
            f"--compare {name}: the module has no such function",
            expected="module:function, where function(response, answer) gives a score",
            remedy="check the name",
        )
    return found  # type: ignore[no-any-return]


def _of_function(function: Callable[..., Any]) -> Grader:
    def grade(responses: Sequence[str], columns: Columns) -> list[Verdict]:
        answers = columns["answer"]
        return [
            _called(function, response, canonical_text(answer))
            for response, answer in zip(responses, answers, strict=True)
        ]

    return grade


def _called(function: Callable[..., Any], response: str, answer: str) -> Verdict:
    try:
        return graded(function(response, answer))
    except Exception as error:  # noqa: BLE001 - a foreign function may raise anything; it is shown
        return graded(error)


def graded(value: Any, name: str = "") -> Verdict:
    """The verdict of a foreign grader, from what it returned or raised.

    Args:
        value: a number, a verdict, a table, a tuple that begins so, or an exception.
        name: what the reason begins with.

    Example:
        >>> graded({"score": 1.0}, "verl").reason, graded(KeyError("gold")).outcome.value
        ('verl score 1', 'ERROR')
    """
    before = f"{name} " if name else ""
    if isinstance(value, Exception):
        reason = f"{before}{type(value).__name__}: {value}"
        return Verdict(Outcome.ERROR, 0.0, reason[:300], "call")
    score = _score_of(value)
    outcome = Outcome.CORRECT if score > 0 else Outcome.WRONG
    return Verdict(outcome, score, f"{before}score {score:g}", "call")


def _score_of(value: Any) -> float:
    """The score in what a grader returns: a number, a verdict, a table, a tuple that begins so."""
    if isinstance(value, Verdict):
        return 1.0 if value.outcome is Outcome.CORRECT else min(value.score, 0.0)
    if isinstance(value, Mapping):
        return float(next(value[key] for key in _SCORE_KEYS if key in value))
    if isinstance(value, tuple | list):
        return _score_of(value[0])
    return float(value)
