"""What a verifier says of one response: an outcome, a score, a reason and the stage that decided.

Covers: the outcomes and the frozen Verdict.
Does not cover: how a verdict comes about, nor how scores are weighed; `scoring` does.

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
    NO_ANSWER = "NO_ANSWER"
    BAD_FORMAT = "BAD_FORMAT"
    UNPARSEABLE = "UNPARSEABLE"
    TIMEOUT = "TIMEOUT"
    ERROR = "ERROR"
    BAD_REFERENCE = "BAD_REFERENCE"
    SCORED = "SCORED"

    def __str__(self) -> str:
        return self.value


@dataclass(frozen=True)
class Verdict:
    """One judgement of one response.

    Args:
        outcome: the class of the judgement; SCORED for a verifier that returns a plain number.
        score: the number that is weighed into the reward.
        reason: one line for people.
        stage: which step decided, such as `format`, `text`, `exact`.
    """

    outcome: Outcome
    score: float
    reason: str = ""
    stage: str = ""
