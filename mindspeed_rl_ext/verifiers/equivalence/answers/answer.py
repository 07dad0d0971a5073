r"""One answer, read by itself: every reading that a text may have.

Covers: the order in which a text is read; each reading is kept beside the others, since only the
other side of a pair tells which is meant. Read once, whatever it is compared with.
Does not cover: comparing.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from mindspeed_rl_ext.verifiers.equivalence.answers.choices import Choice, read_choice
from mindspeed_rl_ext.verifiers.equivalence.answers.measured import measured
from mindspeed_rl_ext.verifiers.equivalence.answers.times import Time, read_time
from mindspeed_rl_ext.verifiers.equivalence.answers.units import NO_UNIT, Unit, parse_unit
from mindspeed_rl_ext.verifiers.equivalence.answers.words import (
    meaning_of,
    without_announcement,
    without_braces,
)
from mindspeed_rl_ext.verifiers.equivalence.reading.lexer import Token, tokens
from mindspeed_rl_ext.verifiers.equivalence.reading.literals import exact, written_digits
from mindspeed_rl_ext.verifiers.equivalence.reading.reader import read
from mindspeed_rl_ext.verifiers.equivalence.reading.tree import Node, Number, UnreadableError, words

# What an author writes before the value that it has.
_OPERATIONS = words(r"""
    \lim \int \iint \iiint \oint \sum \prod \frac \max \min \sup \inf \det \gcd \lcm \deg \dim
    \Pr \nabla \partial \limsup \liminf \arg \operatorname""")
_ARROWS = words(r"\Rightarrow \Leftrightarrow \iff \rightarrow \longrightarrow")
_OPENING = frozenset({"(", "[", "{", r"\{"})
_CLOSING = frozenset({")", "]", "}", r"\}"})


# Half of the answers of real traffic.
PLAIN_NUMBER = re.compile(r"[0-9]{1,300}(?:\.[0-9]{1,300})?")


class Answer(NamedTuple):
    r"""The readings of an answer.

    Args:
        text: what is read, spelled out.
        tokens: its tokens.
        bare: those without brackets around the whole.
        quantity: those without a unit.
        unit: the unit behind, or none.
        tree: the mathematics; None where it is none.
        fault: why it is none.
        choice: the letter of a choice.
        time: the time of a clock.
        meaning: what words or a sign say that other words say too, such as "nothing".
    """

    text: str
    tokens: tuple[Token, ...]
    bare: list[Token]
    quantity: list[Token]
    unit: Unit
    tree: Node | None
    fault: str
    choice: Choice | None
    time: Time | None
    meaning: str


def _read(found: list[Token]) -> tuple[Node | None, str]:
    r"""The tree; of `\lim_{x \to 0} f(x) = 1`, whose left side is not worked out, the last side."""
    try:
        return read(found), ""
    except UnreadableError as error:
        fault = str(error)
    last = _last_side(found)
    if last:
        try:
            return read(last), ""
        except UnreadableError:
            pass
    return None, fault


def _last_side(found: list[Token]) -> list[Token]:
    """Behind the last sign of equality, where an operation begins or there are three sides."""
    depth, cut, signs = 0, 0, 0
    for at, token in enumerate(found):
        if token.text in _ARROWS:
            return []
        depth += (token.text in _OPENING) - (token.text in _CLOSING)
        if token.text in (",", ";") and not depth:
            return []
        if token.text == "=" and not depth:
            cut, signs = at + 1, signs + 1
    known = bool(found) and (found[0].text in _OPERATIONS or signs > 1)
    return found[cut:] if cut and known else []


# Each side is read once, whatever it is compared with.
@lru_cache(maxsize=1 << 13)
def read_answer(text: str) -> Answer:
    r"""Reads an answer that is spelled out.

    Raises:
        UnreadableError: it has more tokens or digits than are read.

    Example:
        >>> answer = read_answer(r"5 \text{ cm}")
        >>> answer.unit.name, answer.tree
        ('cm', Number(value=Fraction(5, 1), digits=0))
    """
    if PLAIN_NUMBER.fullmatch(text):
        number = Token("number", text)
        tree: Node | None = Number(exact(number.text), written_digits(number.text))
        return Answer(text, (number,), [number], [number], NO_UNIT, tree, "", None, None, "")
    found = without_announcement(tokens(text))
    body, unit = measured(found)
    if not unit.name and text.lstrip("-{ ").startswith(r"\$"):
        unit = parse_unit("dollar")
    tree, fault = _read(body)
    return Answer(
        text=text,
        tokens=tuple(found),
        bare=without_braces(found),
        quantity=body,
        unit=unit,
        tree=tree,
        fault=fault,
        choice=read_choice(text),
        time=read_time(text),
        meaning=meaning_of(found, text),
    )
