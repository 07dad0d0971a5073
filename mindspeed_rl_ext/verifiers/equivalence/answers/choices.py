r"""The letter of a choice: `(B)`, `B. 12`, `\textbf{(B)}\ 12`, `B) x = 6`, `A, C`.

Covers: one letter, marked or alone, with its text behind it; several letters. Does not cover: a
letter that is a variable; the rules compare a lone small letter as one.
"""

from __future__ import annotations

import re
from typing import NamedTuple

_DRESS = re.compile(
    r"\\(?:text|textbf|textrm|textit|mathrm|mathbf|mbox|bf|rm|quad|qquad)(?![A-Za-z])"
    r"|\\left|\\right|\\[ ,;:!]|[{}$~*]"
)
_LONE = re.compile(r"(?:([A-Ja-j])|\(([A-Ja-j])\)|\[([A-J])\]|([A-J])[).:]|([a-e])\))\.?")
_MARKED = re.compile(r"(?:\(([A-Ja-j])\)[.:]?|([A-Ja-e])\)|([A-J])[.:])\s*(.*)", re.DOTALL)
_NAMED = re.compile(r"(?:the )?(?:correct )?(?:answer|option|choice)(?: is)?:? ?", re.IGNORECASE)
_MANY = re.compile(r"\(?[A-J]\)?(?:(?:\s*(?:,|;|/|&|、|\band\b|\bor\b)\s*|(?<=\)))\(?[A-J]\)?)+")
_MAY_BEGIN = re.compile(
    r"(?:[\s({\[$*]|\\(?:text|textbf|textrm|textit|mathrm|mathbf|mbox|bf|rm|quad|qquad|left)"
    r"(?![A-Za-z])|\\[ ,;:!])*(?:[A-Ja-j](?![A-Za-z])|the |correct |answer|option|choice)",
    re.IGNORECASE,
)
_OTHER = re.compile(r"\([A-J]\)|(?<![A-Za-z])[A-J]\)")
_OPERATOR = re.compile(r"[+*/^=<>!_]|\\(?:cdot|times|div|pm)(?![A-Za-z])")
_LETTER = re.compile(r"(?<![A-Za-z])[A-J](?![A-Za-z])")


class Choice(NamedTuple):
    """Letters that are chosen.

    Args:
        letters: the capitals; none where they are alternatives, of which none is chosen.
        rest: the text behind one letter.
        lone: the letter as it is written, where nothing else is; else empty.
    """

    letters: frozenset[str]
    rest: str = ""
    lone: str = ""


def read_choice(text: str) -> Choice | None:
    """The choice that a text may be; None where it is none.

    Example:
        >>> read_choice("B) 2x").letters == read_choice("(B)").letters == frozenset("B")
        True
        >>> sorted(read_choice("(A)(C)").letters), read_choice("(A) or (B)").letters
        (['A', 'C'], frozenset())
        >>> read_choice("x + 1") is None
        True
    """
    if not _MAY_BEGIN.match(text):
        return None
    bare = " ".join(_DRESS.sub(" ", text[:400]).split())
    bare = _NAMED.sub("", bare, count=1) if len(bare) > 5 else bare
    if match := _LONE.fullmatch(bare):
        letter = next(group for group in match.groups() if group)
        return Choice(frozenset(letter.upper()), "", letter)
    if _MANY.fullmatch(bare):
        letters = frozenset(_LETTER.findall(bare)) if "or" not in bare and "/" not in bare else ""
        return Choice(frozenset(letters))
    match = _MARKED.fullmatch(bare)
    if match is None or not match[4]:
        return None
    if _OTHER.search(match[4]) or match[4].startswith(("or ", "and ", ",")):
        return Choice(frozenset())
    letter = match[1] or match[2] or match[3]
    if _OPERATOR.match(match[4]) or (letter.islower() and match[4][0] == "-"):
        return None  # `(i)+(1)` is a sum
    return Choice(frozenset(letter.upper()), _behind(text, letter))


def same_choice(one: Choice, other: Choice) -> bool | None:
    """Whether two choices are the same; None where they may be variables.

    Example:
        >>> same_choice(Choice(frozenset("A"), "", "A"), Choice(frozenset("B"), "12", ""))
        False
    """
    lone = [choice.lone for choice in (one, other)]
    if all(lone) and (lone[0].islower() or lone[1].islower()):
        if not any(letter in "ABCDE" for letter in lone):
            return None  # small letters are variables
    elif any(letter.islower() for letter in lone):
        return None
    if not any(letter.isupper() for letter in lone) and not (one.rest and other.rest):
        several = len(one.letters) > 1 or len(other.letters) > 1
        return bool(one.letters) and one.letters == other.letters if several else None
    return bool(one.letters) and one.letters == other.letters


def _behind(text: str, letter: str) -> str:
    """What stands behind the mark of a letter, with its dress."""
    at = text.index(letter) + 1
    return re.sub(r"\A[\s})\].:]*", "", text[at:])
