"""One response scored in this process; a fault of the verifier is a verdict, not an exception.

Covers: the columns that a verifier needs, the reference as text, what a verifier may return.
Does not cover: verifiers that ask for a process of their own; `running.workers` does.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from mindspeed_rl_ext.core.errors import InputError
from mindspeed_rl_ext.core.responses.answers import canonical_text
from mindspeed_rl_ext.verifiers.declaration import Verifier
from mindspeed_rl_ext.verifiers.verdict import Outcome, Verdict

STAGE = "call"
_MAX_REASON_CHARS = 300


def check_columns(verifier: Verifier, columns: Mapping[str, Any]) -> None:
    """Raises InputError where a column that a verifier needs is not there."""
    missing = [name for name in verifier.needs if name not in columns]
    if missing:
        raise InputError(
            f"verifier {verifier.name!r} needs the column {missing[0]!r}",
            found=f"columns {', '.join(sorted(columns)) or 'none'}",
            remedy="pass it by keyword",
        )


def select_columns(verifier: Verifier, columns: Mapping[str, Any]) -> dict[str, Any]:
    """The columns that are passed to a verifier: what it needs, and what it wants and is there."""
    wanted = {name: columns[name] for name in verifier.wants if name in columns}
    return {**{name: columns[name] for name in verifier.needs}, **wanted}


def score_here(
    verifier: Verifier, parameters: Mapping[str, Any], response: str, columns: Mapping[str, Any]
) -> Verdict:
    """Scores one response.

    Args:
        verifier: which.
        parameters: those that differ from its defaults.
        response: the policy's text.
        columns: by name, those that the verifier needs among them.
    """
    arguments = select_columns(verifier, columns)
    if "answer" in arguments:
        if arguments["answer"] is None:
            return failed(verifier, Outcome.BAD_REFERENCE, "the reference answer is missing")
        try:
            arguments["answer"] = canonical_text(arguments["answer"])
        except ValueError as error:
            return failed(verifier, Outcome.BAD_REFERENCE, f"the reference answer: {error}")
    try:
        result = verifier.function(response, **arguments, **parameters)
    except Exception as error:  # noqa: BLE001 - it may raise anything; the batch goes on
        return failed(verifier, Outcome.ERROR, f"{type(error).__name__}: {error}")
    return _checked(verifier, result)


def failed(verifier: Verifier, outcome: Outcome, reason: str, stage: str = STAGE) -> Verdict:
    """The verdict of a fault: it scores as wrong."""
    return Verdict(outcome, verifier.wrong_score, reason[:_MAX_REASON_CHARS], stage)


def _checked(verifier: Verifier, result: object) -> Verdict:
    verdict = result
    if isinstance(result, (int, float)):
        verdict = Verdict(Outcome.SCORED, float(result))
    if not isinstance(verdict, Verdict):
        return failed(verifier, Outcome.ERROR, f"returned {type(result).__name__}, not a number")
    if not math.isfinite(verdict.score):
        return failed(verifier, Outcome.ERROR, f"returned the score {verdict.score}")
    return verdict
