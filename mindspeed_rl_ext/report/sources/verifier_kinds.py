"""What the verifiers of a run judge: the answer, the format, or neither.

Covers: verifiers of this package and of the user's plugins, by what they declare; those that the
hosts bring, by name; others, of which nothing is known.
Does not cover: scores and outcomes; those are read as they were written.

Example:
    >>> judges_answer("countdown"), judges_answer("countdown_format"), judges_answer("my_own")
    (True, False, None)
"""

from __future__ import annotations

from collections.abc import Mapping

from mindspeed_rl_ext.verifiers.registry import find_verifier

# The hosts' own verifiers, by what they judge.
_ANSWER, _FORMAT, _NEITHER = "answer", "format", "neither"
_OF_HOSTS: Mapping[str, str] = {
    "acc": _ANSWER,
    "base_acc": _ANSWER,
    "math_17k_acc": _ANSWER,
    "format": _FORMAT,
    "strict_format": _FORMAT,
    "step": _NEITHER,
}


def judges_answer(name: str) -> bool | None:
    """Whether a verifier's outcome says that the answer is right; None where that is not known."""
    found = find_verifier(name)
    if found is not None:
        return found.judges_answer
    return _OF_HOSTS[name] == _ANSWER if name in _OF_HOSTS else None


def judges_format(name: str) -> bool:
    """Whether a verifier is known to judge the format alone."""
    found = find_verifier(name)
    return _OF_HOSTS.get(name) == _FORMAT if found is None else bool(found.judges_format)


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
