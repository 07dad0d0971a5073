r"""What a sentence says: the answer in `so the answer is 5`, `approximately 5`, `x = 5 only`.

Covers: one statement with one verb; an announcement or a hedge of precision before an answer;
a qualifier behind it that restricts nothing (`for all x`, `only`, `in total`).
Does not cover: sentences that say several things, or say them with doubt: `either it is 4 or it is
3`, `the sum is 3 and the product is 4`. They stay words, and no part of them is taken.
"""

from __future__ import annotations

import re

# The verb or sign after which a sentence says what it found.
_SAYS = re.compile(
    r"(?<![A-Za-z\\])(?:is|are|equals|be|get|obtain|it's|its value is|answers?:)(?=[ $\\:0-9])",
    re.IGNORECASE,
)
_DOUBTS = re.compile(
    r"(?<![A-Za-z\\])(?:either|or|not|never|n't|maybe|perhaps|possibly|might|could|may|unless|if"
    r"|unlikely|wrong|isn't|aren't|but|otherwise|rather|instead|whereas|while|neither|nor|no"
    r"|else|between|than|least|most|first|second|then|other|another|was|were|would|should"
    r"|incorrect|false)(?![A-Za-z])|n't|n\u2019t|\?",
    re.IGNORECASE,
)
_CONCLUDES = re.compile(
    r"(?:so|thus|hence|therefore|final|finally|consequently)\b[^.;]*\b(?:answer|result|value)\b",
    re.IGNORECASE,
)
_WORD = re.compile(r"(?<![A-Za-z\\])[A-Za-z]{2,}(?![A-Za-z])")
_ATTACHED_UNIT = re.compile(r"([0-9])[ ]?(?:m|g|s|h|L|l|N|J|W|V|K)(?:[²³]|\^[23])?$")
_BEFORE = re.compile(
    r"\A(?:\\text\{\s*)?(?:approximately|approx\.?|about|roughly|around|circa|nearly|almost|only"
    r"|exactly|just|precisely)\s*:?\s*\}?\s*(?=[-$\\0-9(\[{a-zA-Z|])"
    r"|\A(?:\\text\{\s*)?(?:(?:the |final )?(?:answer|ans|solution|result)|r[e\u00e9]ponse"
    r"|respuesta|antwort|\u043e\u0442\u0432\u0435\u0442)\s*(?::\s*\}?\s*|\}?\s*(?=[-$\\0-9(\[]))",
    re.IGNORECASE,
)
_ARTICLE = re.compile(r"\A(?:the|an?) (?=[a-z]{4}[a-z ]*\Z)", re.IGNORECASE)
_TILDE = re.compile(r"\A(?:~|\\approx|\\sim|\\simeq|\\therefore)\s*(?=[-$\\0-9(])")
_BEHIND = re.compile(
    r"\s*,?\s*(?:\\text\{\s*,?\s*)?(?<![A-Za-z])"
    r"(?:for (?:all|any|every|each|some|arbitrary)\b[^=<>]*"
    r"|where [a-zA-Z] (?:is|are) (?:any|an?) (?:arbitrary |real |integer |positive |non-?zero )*"
    r"(?:constants?|number|integer|parameter)s?"
    r"|respectively|in total|altogether|only|exactly|approximately|respectively|in all"
    r"|is the (?:only|unique) (?:real |positive |integer )?(?:solution|answer|root|value)"
    r"|as required|if possible|\(approximately\)|\(approx\.?\)|\(exact\))\s*\.?\}?\s*\Z",
    re.IGNORECASE,
)
_FORALL = re.compile(r"\s*,?\s*\\(?:quad|qquad|,|;)?\s*\\forall\b.*\Z", re.DOTALL)
_MIN_LENGTH = 2


# Words, or one of the signs that the patterns below begin with.
_MAY_QUALIFY = re.compile(
    r"(?<![\\A-Za-z])[A-Za-z]{2}|\\(?:text|forall|approx|sim|therefore)|\A[~A-Za-z\u0400-\u04ff]"
)


def without_qualifiers(text: str) -> str:
    r"""Without `approximately`, `for all x` and their like.

    Example:
        >>> without_qualifiers("approximately 5"), without_qualifiers(r"2x \text{ for all } x")
        ('5', '2x')
    """
    if not _MAY_QUALIFY.search(text):
        return text
    bare = _TILDE.sub("", _BEFORE.sub("", text, count=1), count=1)
    if len(bare) < len(text) and _opens(text) != _opens(bare):
        bare = text  # the brace of a \text went with the word
    for pattern in (_BEHIND, _FORALL):
        cut = pattern.sub("", bare, count=1)
        if len(cut.strip()) >= 1 and _opens(cut) == 0:
            bare = cut
    return _ARTICLE.sub("", bare.strip(), count=1) or text


def _opens(text: str) -> int:
    return text.count("{") - text.count("}")


def stated(text: str) -> str:
    """What a sentence says at its end; a text of few words is no sentence."""
    if (
        not _WORD.search(text)
        or "\\text" in text
        or "\\mbox" in text
        or len(_WORD.findall(text)) < _MIN_LENGTH
    ):
        return text
    found = list(_SAYS.finditer(text))
    if not found or _DOUBTS.search(text):
        return text
    if len(found) > 1 and not _CONCLUDES.search(text[found[-2].end() : found[-1].end()]):
        return text
    tail = text[found[-1].end() :].strip(" :")
    if not any(char.isdigit() or char in "\\$" for char in tail):
        return text
    return _ATTACHED_UNIT.sub(r"\1", tail)
