r"""Spellings of a whole answer that are settled before it is read as mathematics.

Covers: `10 000` and `1.000,99`, the sentence around an answer (`the answer is 5`), number
words, ordinals, counted things, the letter of a choice, marks of Markdown. Each pattern is
anchored and linear.
Does not cover: `1,22`, which is a list to some and a decimal to others (`decimal_comma`): only
the other side can tell.
"""

from __future__ import annotations

import re

from mindspeed_rl_ext.verifiers.equivalence.reading.numerals import number_words

_SPACED = re.compile(r"([-+]?[0-9]{1,3}(?: [0-9]{3})+)((?:\.[0-9]+)?)")
_EUROPEAN = re.compile(r"([-+]?[0-9]{1,3}(?:\.[0-9]{3})+),([0-9]+)")
_COMMA = re.compile(r"([-+]?)([0-9]+),([0-9]+)")
_TEXT = r"(?:\\(?:text|textbf|textrm|mathrm|mbox)\{)?"
# Spellings of a whole answer, and what they stand for.
_RESPELLED = (
    (re.compile(rf"{_TEXT}\s*\(?([A-J])\s*[).:]\s*\}}?"), r"\1"),
    (re.compile(rf"{_TEXT}\s*(?:option|choice)\s*\(?([A-J])\)?[\s.]*\}}?", re.I), r"\1"),
    (re.compile(rf"([0-9]+)\s*\^?\{{?\s*{_TEXT}(?:st|nd|rd|th)\}}?\}}?"), r"\1"),
    # `17 students`: words behind a space count something; letters beside a number multiply it.
    (
        re.compile(
            r"((?:\\\$)?[-+]?[0-9][0-9,.]*(?: [0-9]+)?(?:/[0-9]+)?) "
            r"([A-Za-z]{4,20}(?: [A-Za-z]{2,20}){0,3})\.?"
        ),
        r"\1 \\text{ \2}",
    ),
)
_MONEY = re.compile(r"\$[0-9][^$]*\Z")
# What the spellings below have in common: letters side by side, a choice, marks around.
_WORDED = re.compile(r"[A-Za-z]{2}|[A-J]\s*[).:]|\A[*`\"_]")
_WRAPPERS = ("**", "`", '"', "__")
# The verb or sign after which a sentence says what it found.
_SAYS = re.compile(
    r"(?<![A-Za-z\\])(?:is|are|equals|be|get|obtain|it's|its value is|answers?:)(?=[ $\\:0-9])",
    re.I,
)
_WORD = re.compile(r"(?<![A-Za-z\\])[A-Za-z]{2,}(?![A-Za-z])")
_ATTACHED_UNIT = re.compile(r"([0-9])[ ]?(?:m|g|s|h|L|l|N|J|W|V|K)(?:[²³]|\^[23])?$")


def spelled_out(text: str) -> str:
    """The answer without what only dresses it up.

    Example:
        >>> spelled_out("10 000"), spelled_out("1.000,5"), spelled_out("so the answer is $5$.")
        ('10000', '1000.5', '$5$.')
    """
    bare = text.strip()
    # One dollar sign before a number is money, two are TeX's.
    bare = "\\" + bare if _MONEY.match(bare) else bare.strip("$").strip()
    if match := _SPACED.fullmatch(bare):
        return match[1].replace(" ", "") + match[2]
    if match := _EUROPEAN.fullmatch(bare):
        return match[1].replace(".", "") + "." + match[2]
    if not _WORDED.search(bare):
        return bare
    bare = _undressed(bare)
    number = number_words(bare)
    if number is not None:
        return str(number)
    for pattern, spelled in _RESPELLED:
        if match := pattern.fullmatch(bare):
            return match.expand(spelled)
    return _stated(bare)


def _undressed(text: str) -> str:
    """Without Markdown's marks or quotes around the whole."""
    for mark in _WRAPPERS:
        inner = text[len(mark) : -len(mark)]
        if inner.strip() and text == f"{mark}{inner}{mark}" and mark not in inner:
            return inner.strip()
    return text


def decimal_comma(text: str) -> str | None:
    """The text with its comma as a decimal point, where it may be one; else None.

    `1,5` may not: it is more often a list. `1,500` is a thousand and a half thousand.

    Example:
        >>> decimal_comma("1,22"), decimal_comma("0,111"), decimal_comma("1,5")
        ('1.22', '0.111', None)
    """
    match = _COMMA.fullmatch(text.strip().strip("$").strip())
    if match is None:
        return None
    sign, whole, decimals = match.groups()
    if whole != "0" and (len(decimals) in (1, 3) or whole.startswith("0")):
        return None
    return f"{sign}{whole}.{decimals}"


def _stated(text: str) -> str:
    """What a sentence says at its end; a text of few words is no sentence."""
    if "\\text" in text or "\\mbox" in text or len(_WORD.findall(text)) < 2:
        return text
    found = list(_SAYS.finditer(text))
    if not found:
        return text
    tail = text[found[-1].end() :].strip(" :")
    if not any(char.isdigit() or char in "\\$" for char in tail):
        return text
    return _ATTACHED_UNIT.sub(r"\1", tail)
