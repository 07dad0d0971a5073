r"""Spellings of a whole answer that are settled before it is read as mathematics.

Covers: `10 000` and `1.000,99`, the sentence around an answer (`the answer is 5`), numerals with
letters and a base. Each pattern is anchored and linear.
Does not cover: `1,22`, which is a list to some and a decimal to others (`decimal_comma`): only
the other side can tell.
"""

from __future__ import annotations

import re

_SPACED = re.compile(r"([-+]?[0-9]{1,3}(?: [0-9]{3})+)((?:\.[0-9]+)?)")
_EUROPEAN = re.compile(r"([-+]?[0-9]{1,3}(?:\.[0-9]{3})+),([0-9]+)")
_COMMA = re.compile(r"([-+]?)([0-9]+),([0-9]+)")
# The verb or sign after which a sentence says what it found.
_SAYS = re.compile(
    r"(?<![A-Za-z\\])(?:is|are|equals|be|it's|its value is|answer:|answers?:)(?=[ $\\:0-9])", re.I
)
_WORD = re.compile(r"(?<![A-Za-z\\])[A-Za-z]{2,}(?![A-Za-z])")
_ATTACHED_UNIT = re.compile(r"([0-9])[ ]?(?:m|g|s|h|L|l|N|J|W|V|K)(?:[²³]|\^[23])?$")


def spelled_out(text: str) -> str:
    """The answer without what only dresses it up.

    Example:
        >>> spelled_out("10 000"), spelled_out("1.000,5"), spelled_out("so the answer is $5$.")
        ('10000', '1000.5', '$5$.')
    """
    bare = text.strip().strip("$").strip()
    if match := _SPACED.fullmatch(bare):
        return match[1].replace(" ", "") + match[2]
    if match := _EUROPEAN.fullmatch(bare):
        return match[1].replace(".", "") + "." + match[2]
    return _number_words(bare) or _stated(text)


_ONES = ["", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
_TEENS = ["", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"]
_TENS = ["", "_", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]


def _number_words(text: str) -> str | None:
    """`twenty-one` as 21; numbers from 13 to 99 that the lexer's single words do not cover."""
    tens, _, ones = text.casefold().replace(" ", "-").partition("-")
    if tens in _TEENS[1:] and not ones:
        return str(_TEENS.index(tens) + 12)
    if tens in _TENS[2:] and ones in _ONES:
        return str(10 * _TENS.index(tens) + _ONES.index(ones))
    return None


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
