r"""A quantity and the unit behind it: `5 \text{ cm}^2`, `90^\circ`, `10\%`, `60^\circ 42'`.

Covers: units taken off the end of an answer, degrees with minutes and seconds, words that count.
Does not cover: words that change a number, such as `6 divided by two`: they are no unit.
"""

from __future__ import annotations

from fractions import Fraction
from typing import NamedTuple

from mindspeed_rl_ext.verifiers.equivalence.answers.units import (
    NO_UNIT,
    Unit,
    is_known,
    parse_unit,
)
from mindspeed_rl_ext.verifiers.equivalence.answers.words import without_braces
from mindspeed_rl_ext.verifiers.equivalence.reading.lexer import Token
from mindspeed_rl_ext.verifiers.equivalence.reading.literals import exact
from mindspeed_rl_ext.verifiers.equivalence.reading.tree import is_digits, words

FUNCTIONS = words(r"\sin \cos \tan \cot \sec \csc")
# Bare words, without \text, that can only be units or counted things.
_BARE_UNITS = words("""
    degrees degree dollars dollar cents cent percent pct inches inch feet foot yards yard miles mile
    meters meter metres metre kilometers cm mm km kg grams pounds ounces gallons liters hours hour
    minutes minute seconds second days day weeks week months month years year units unit""")
# Words behind a number that are no unit: they change what it says, or say more than one thing.
NOT_UNITS = words("""
    or and more less than least most not mod modulo if for when where only about approximately
    thousand hundred dozen dozens million billion trillion pair pairs squared cubed negative minus
    plus times half halves third thirds quarter quarters base factorial is was infinity
    zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen
    sixteen seventeen eighteen nineteen twenty thirty forty fifty sixty seventy eighty ninety
    fourths fifth fifths sixth sixths seventh sevenths eighth eighths ninth ninths tenth tenths
    divided by over choose point gross score scores grand lakh lakhs crore crores myriad myriads
    couple couples trio double doubles triple triples twice thrice multiplied added subtracted
    increased decreased reduced raised power powers root roots remainder to from of out into
    but then else except unless without with either neither nor both all any some none no
    below above under beyond between up down off short fewer greater smaller larger bigger
    exceeds equals equal are be been were it that which this these those as at on the a an
    square-root log sin cos tan exp percent-of decimal tens hundreds thousands millions billions
    trillions ones units-digit mod remainder choose permute pick also maybe perhaps possibly""")
_MAX_WORDS = 5


class Measured(NamedTuple):
    """The tokens of a quantity and its unit."""

    tokens: list[Token]
    unit: Unit


def measured(found: list[Token]) -> Measured:
    r"""Takes the unit off the end: `5 \text{ cm}^2`, `90^\circ`, `10\%`, `30 degrees`.

    Example:
        >>> from mindspeed_rl_ext.verifiers.equivalence.reading.lexer import tokens
        >>> measured(tokens(r"15\text{ cm}^2")).unit.name
        'cm^2'
    """
    found = without_braces(found)
    if len(found) > 2 and (found[0].text, found[-1].text) == ("[", "]"):
        inner = measured(found[1:-1])
        if inner.unit.name and not any(token.text in (",", ";", "[") for token in inner.tokens):
            return inner
    end = len(found)
    texts = [token.text for token in found]
    if FUNCTIONS.intersection(texts):
        return Measured(found, NO_UNIT)  # `\sin 15^\circ` is a number, not an angle
    if texts[-1:] in (["C"], ["F"]) and r"\circ" in texts[-3:-1]:
        angle = measured(found[:-1])
        return Measured(angle.tokens, parse_unit(f"degree{texts[-1]}"))
    for mark in (["^", r"\circ"], ["^", "{", r"\circ", "}"]):
        if texts[-len(mark) :] == mark:
            unit = parse_unit("degree") if end > len(mark) else NO_UNIT
            return Measured(found[: -len(mark)] if unit.name else found, unit)
    if texts[-1:] in (["%"], [r"\%"]):
        unit = parse_unit("percent") if end > 1 else NO_UNIT
        return Measured(found[:-1] if unit.name else found, unit)
    if "'" in texts and r"\circ" in texts:
        return _minutes(found) or Measured(found, NO_UNIT)
    start = _unit_start(found)
    if 0 < start < end and may_be_unit(" ".join(texts[start:])):
        return Measured(found[:start], parse_unit(" ".join(texts[start:])))
    return _bare_unit(found)


def may_be_unit(text: str) -> bool:
    """Whether words behind a number may be its unit, or what it counts.

    Example:
        >>> may_be_unit("students"), may_be_unit("divided by two")
        (True, False)
    """
    for mark in "-./^*{}":
        text = text.replace(mark, " ")
    parts = text.split()
    named = [part.lower() for part in parts if not is_digits(part)]
    letters = all(part.isalpha() or part == "%" for part in named)
    if not letters or not 0 < len(named) <= _MAX_WORDS:
        return False
    # `cups of tea`, `inches in length`: what follows a thing may say more of it.
    inside = [part for at, part in enumerate(named) if not (at and part in ("of", "in"))]
    return not NOT_UNITS.intersection(inside) and not (named[-1] in ("of", "in") and len(named) > 1)


def _minutes(found: list[Token]) -> Measured | None:
    r"""`60^\circ 42' 30''` as degrees."""
    parts: list[str] = []
    marks = ""
    texts = [token.text for token in found if token.text not in ("^", "{", "}")]
    for token_text in texts:
        if token_text == r"\circ" or token_text in ("'", '"'):
            marks += {r"\circ": "d", "'": "m", '"': "s"}[token_text]
        elif token_text.replace(".", "").isdigit():
            parts.append(token_text)
        else:
            return None
    shapes = {"dm": 2, "dmmm": 3, "dms": 3}
    if shapes.get(marks) != len(parts):
        return None
    angle = sum((exact(part) / 60**at for at, part in enumerate(parts)), Fraction(0))
    made = [Token("number", str(angle.numerator))]
    if angle.denominator != 1:
        made += [Token("mark", "/"), Token("number", str(angle.denominator))]
    return Measured(made, parse_unit("degree"))


def _unit_start(found: list[Token]) -> int:
    r"""Where the `\text` parts at the end begin, with `/`, `^2`, `\cdot` and braces among them."""
    start = len(found)
    while start:
        token = found[start - 1]
        # `\\mathrm{km}/\\mathrm{h}`: a lone letter is a unit behind a stroke only.
        letter = token.kind == "letter" and start > 1 and found[start - 2].text == "/"
        before = found[start - 2].text if start > 1 else ""
        exponent = token.kind == "number" and before in ("^", "{", "-")
        exponent |= token.text == "-" and before in ("^", "{")
        if (
            token.kind != "text"
            and token.text not in ("/", "^", "*", "{", "}")
            and not (exponent or letter)
        ):
            break
        start -= 1
    while start < len(found) and found[start].kind != "text":
        start += 1
    return start


def _bare_unit(found: list[Token]) -> Measured:
    start = len(found)
    if start > 1 and found[-1].kind == "word":
        word = found[-1].text
        if word.lower() in _BARE_UNITS or is_known(word):
            return Measured(found[:-1], parse_unit(word))
    while start and found[start - 1].kind == "letter":
        start -= 1
    word = "".join(token.text for token in found[start:])
    if start and found[start - 1].kind == "number" and word.lower() in _BARE_UNITS:
        return Measured(found[:start], parse_unit(word))
    return Measured(found, NO_UNIT)
