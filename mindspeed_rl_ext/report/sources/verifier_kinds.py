"""What the verifiers of a run judge: the answer, the format, or neither.

Covers: verifiers of this package and of the user's plugins, by what they declare; those that the
hosts bring, by name; others, of which nothing is known.
Does not cover: scores and outcomes; those are read as they were written.

Example:
    >>> judges_answer("countdown"), judges_answer("countdown_format"), judges_answer("my_own")
    (True, False, None)
"""

from __future__ import annotations

from mindspeed_rl_ext.core.responses.host_verifiers import (
    JUDGES_ANSWER,
    JUDGES_FORMAT,
    RL_VERIFIERS,
)
from mindspeed_rl_ext.verifiers.registry import find_verifier


def judges_answer(name: str) -> bool | None:
    """Whether a verifier's outcome says that the answer is right; None where that is not known."""
    found = find_verifier(name)
    if found is not None:
        return found.judges_answer
    host = RL_VERIFIERS.get(name)
    return None if host is None else host.judges == JUDGES_ANSWER


def judges_format(name: str) -> bool:
    """Whether a verifier is known to judge the format alone."""
    found = find_verifier(name)
    if found is not None:
        return bool(found.judges_format)
    host = RL_VERIFIERS.get(name)
    return host is not None and host.judges == JUDGES_FORMAT


def answer_verifier(names: list[str]) -> str | None:
    """The one of some verifiers whose outcome says whether an answer is right.

    One that is known to do so, else the first of which nothing is known.

    Example:
        >>> answer_verifier(["my_own", "simplerl"]), answer_verifier(["overlong", "my_own"])
        ('simplerl', 'my_own')
        >>> answer_verifier(["overlong", "countdown_format"]) is None
        True
    """
    kinds = {name: judges_answer(name) for name in names}
    for wanted in (True, None):
        for name, kind in kinds.items():
            if kind is wanted:
                return name
    return None
