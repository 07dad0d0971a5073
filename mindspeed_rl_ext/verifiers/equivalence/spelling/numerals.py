"""Numbers written as English words.

Covers: whole numbers below a million (`forty-two`, `one hundred and five`), fractions (`one half`,
`three and a quarter`), scales (`5 thousand`, `2.5 million`, `two dozen`), decimals (`three point
five`), `1 out of 5`, a number said twice (`five (5)`), minus.
Does not cover: ordinals, sums and quotients in words (`6 divided by two`), other languages.
"""

from __future__ import annotations

import re
from fractions import Fraction

_ONES = "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen"
_MORE = "fifteen sixteen seventeen eighteen nineteen"
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety"
_SMALL = {word: n for n, word in enumerate(f"{_ONES} {_MORE}".split())}
_LARGE = {word: 10 * n for n, word in enumerate(_TENS.split(), 2)}
_MAX_WORDS = 9


def number_words(text: str) -> int | None:
    """The number that words say; None for any other text.

    Example:
        >>> number_words("forty-two"), number_words("One hundred and five"), number_words("ten two")
        (42, 105, None)
    """
    words = text.casefold().replace("-", " ").split()
    if not 0 < len(words) <= _MAX_WORDS or words[0] == "and":
        return None
    total = part = 0
    room = 1000  # what the next word has to stay below
    for word in words:
        if word == "and" and room <= 100:
            continue
        if word == "hundred" and 0 < part < 10:
            part, room = part * 100, 100
        elif word == "thousand" and part > 0 and not total:
            total, part, room = part * 1000, 0, 1000
        elif word in _LARGE and room >= 100:
            part, room = part + _LARGE[word], 10
        elif word in _SMALL and (_SMALL[word] < room or room >= 100) and room > 1:
            part, room = part + _SMALL[word], 1
        else:
            return None
    return total + part


_PARTS = {
    "half": 2, "halve": 2, "third": 3, "quarter": 4, "fourth": 4, "fifth": 5, "sixth": 6,
    "seventh": 7, "eighth": 8, "ninth": 9, "tenth": 10, "hundredth": 100, "thousandth": 1000,
    "twelfth": 12, "sixteenth": 16, "twentieth": 20,
}  # fmt: skip
_SCALES = {
    "hundred": 100, "thousand": 1000, "million": 10**6, "billion": 10**9, "trillion": 10**12,
    "dozen": 12, "lakh": 10**5, "crore": 10**7,
}  # fmt: skip
_OUT_OF = re.compile(r"([0-9]+|[a-z-]+) (?:out of|in) (?:every )?([0-9]+|[a-z-]+)")
_TWICE = re.compile(r"(.+?) ?\(([^()]+)\)")
_LITERAL = re.compile(r"-?[0-9]+(?:,[0-9]{3})*(?:\.[0-9]+)?")
_MAX_CHARS = 80


def value_in_words(text: str) -> Fraction | None:
    """The value that English words say, with digits among them or not; None for any other text.

    Example:
        >>> value_in_words("one half"), value_in_words("5 thousand"), value_in_words("1 out of 5")
        (Fraction(1, 2), Fraction(5000, 1), Fraction(1, 5))
        >>> value_in_words("two and a half"), value_in_words("six divided by two")
        (Fraction(5, 2), None)
    """
    if len(text) > _MAX_CHARS:
        return None
    words = " ".join(text.casefold().split()).rstrip(".")
    for sign in ("minus ", "negative "):
        if words.startswith(sign):
            value = _value(words[len(sign) :])
            return None if value is None else -value
    match = _TWICE.fullmatch(words)
    if match:
        one, two = _value(match[1]), _value(match[2])
        return one if one is not None and one == two else None
    return _value(words)


def _value(words: str) -> Fraction | None:
    whole = _plain(words)
    if whole is not None:
        return whole
    if match := _OUT_OF.fullmatch(words):
        part, of = _plain(match[1]), _plain(match[2])
        return part / of if part is not None and of else None
    before, point, after = words.partition(" point ")
    if point:
        digits = [number_words(word) for word in after.split()]
        start = _plain(before)
        if start is None or any(digit is None or digit > 9 for digit in digits):
            return None
        return start + Fraction(int("".join(map(str, digits))), 10 ** len(digits))
    return _scaled(words) or _mixed(words)


def _scaled(words: str) -> Fraction | None:
    """`2.5 million`, `a dozen`."""
    head, _, scale = words.rpartition(" ")
    times = _SCALES.get(scale) or _SCALES.get(scale.removesuffix("s"))
    if times is None:
        return None
    number = Fraction(1) if head in ("a", "one") else _plain(head)
    return None if number is None else number * times


def _mixed(words: str) -> Fraction | None:
    """`three quarters`, `two and a half`, `one-third`."""
    whole, joined, rest = words.rpartition(" and ")
    start = _plain(whole) if joined else Fraction(0)
    head, _, part = (rest if joined else words).replace("-", " ").rpartition(" ")
    under = _PARTS.get(part) or _PARTS.get(part.removesuffix("s"))
    if start is None or under is None or (joined and under is None):
        return None
    over = Fraction(1) if head in ("a", "an", "one", "") else _plain(head)
    return None if over is None else start + over / under


def _plain(words: str) -> Fraction | None:
    if _LITERAL.fullmatch(words):
        return Fraction(words.replace(",", ""))
    number = number_words(words)
    return None if number is None else Fraction(number)
