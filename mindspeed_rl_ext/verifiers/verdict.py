"""What a verifier finds about one response: an outcome, a score, a reason, the stage that decided.

Covers: the outcomes and the frozen Verdict.
Does not cover: how a verdict comes about, nor how scores are weighted; `scoring` does.

Example:
    >>> Verdict(Outcome.WRONG, 0.0, "3 is not 4").outcome.value
    'WRONG'
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Outcome(str, Enum):
    """Why a response has its score; the value is the word that files and metrics carry."""

    CORRECT = "CORRECT"
    WRONG = "WRONG"
    RESTATED = "RESTATED"
    NO_ANSWER = "NO_ANSWER"
    BAD_FORMAT = "BAD_FORMAT"
    UNPARSEABLE = "UNPARSEABLE"
    TIMEOUT = "TIMEOUT"
    ERROR = "ERROR"
    BAD_REFERENCE = "BAD_REFERENCE"
    SCORED = "SCORED"

    def __str__(self) -> str:
        return self.value


# RESTATED: equal to the reference, but an expression of the prompt, or less evaluated than the
# reference is. It scores as wrong.
# What is no finding about the response: something else failed.
FAULTS = (Outcome.ERROR, Outcome.TIMEOUT, Outcome.BAD_REFERENCE)


@dataclass(frozen=True)
class Verdict:
    """What was found about one response.

    Args:
        outcome: the class of the finding; SCORED for a verifier that returns a plain number.
        score: the number that is weighted into the reward.
        reason: one line for people.
        stage: which step decided, such as `format`, `text`, `exact`.
    """

    outcome: Outcome
    score: float
    reason: str = ""
    stage: str = ""
