"""Numbers written as English words.

Covers: whole numbers below a million: `forty-two`, `one hundred and five`, `two thousand`.
Does not cover: fractions (`one half`), ordinals, other languages.
"""

from __future__ import annotations

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
