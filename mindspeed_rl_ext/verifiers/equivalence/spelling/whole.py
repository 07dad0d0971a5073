r"""Spellings of a whole answer that are settled before it is read as mathematics.

Covers: `10 000`, `1.000,99` and `1 234,56`, doubled backslashes, bare units (`12 m/s`), money,
`]1;2[`, named parts (`Minimum: 1`), number words, ordinals, counted things, marks of Markdown, the
sentence around an answer (`statements`). Each pattern is anchored or bounded, and linear.
Does not cover: `1,22`, which is a list to some and a decimal to others (`other_spellings`): only
the other side can tell.
"""

from __future__ import annotations

import re
from functools import lru_cache

from mindspeed_rl_ext.verifiers.equivalence.spelling.bare_units import with_unit
from mindspeed_rl_ext.verifiers.equivalence.spelling.characters import plain_characters
from mindspeed_rl_ext.verifiers.equivalence.spelling.chinese import without_chinese
from mindspeed_rl_ext.verifiers.equivalence.spelling.numerals import value_in_words
from mindspeed_rl_ext.verifiers.equivalence.spelling.statements import stated, without_qualifiers

_SPACED = re.compile(r"([-+]?[0-9]{1,3}(?:[ '][0-9]{3})+)((?:\.[0-9]+)?)")
_SPACED_COMMA = re.compile(r"([-+]?[0-9]{1,3}(?:[ .][0-9]{3})+),([0-9]+)")
_DOTTED = re.compile(r"[-+]?[0-9]{1,3}(?:\.[0-9]{3}){2,}")
_COMMA = re.compile(r"([-+]?)([0-9]+),([0-9]+)")
_INDIAN = re.compile(r"[-+]?[0-9]{1,2}(?:,[0-9]{2})+,[0-9]{3}(?:\.[0-9]+)?")
_TEXT = r"(?:\\(?:text|textbf|textrm|mathrm|mbox)\{)?"
# Spellings of a whole answer, and what they stand for.
_RESPELLED = (
    (re.compile(rf"{_TEXT}\s*\(?([A-J])\s*[).:]\s*\}}?"), r"\1"),
    (re.compile(rf"{_TEXT}\s*(?:option|choice)\s*\(?([A-J])\)?[\s.]*\}}?", re.I), r"\1"),
    (re.compile(rf"([0-9]+)\s*\^?\{{?\s*{_TEXT}(?:st|nd|rd|th)\}}?\}}?"), r"\1"),
    (
        re.compile(
            rf"{_TEXT}\s*(?:the set of )?(?:all|any|every) (?:real numbers?|reals)\s*\}}?\.?", re.I
        ),
        r"\\mathbb{R}",
    ),
    # `3/4 of a mile`
    (
        re.compile(
            r"([-+]?[0-9][0-9,./]*|\\frac\{[0-9]+\}\{[0-9]+\}) of (?:an?|the) ([a-z]{2,20})"
        ),
        r"\1 \\text{ \2}",
    ),
    # `17 students`: words behind a space count something; letters beside a number multiply it.
    (
        re.compile(
            r"((?:\\\$)?[-+]?[0-9][0-9,.]*(?: [0-9]+)?(?:/[0-9]+)?) "
            r"([A-Za-z]{3,20}(?: [A-Za-z]{2,20}){0,3})\.?"
        ),
        r"\1 \\text{ \2}",
    ),
)
_MONEY = re.compile(r"\$[0-9][^$]*\Z")
_CURRENCY = re.compile(r"(USD|EUR|GBP|CNY|RMB|INR|Rs\.?|US\\?\$) ?(-?[0-9][0-9.,]*)")
# What the spellings below have in common: letters side by side, a choice, marks around.
_WORDED = re.compile(r"(?<!\\)[A-Za-z]{2}|[A-J]\s*[).:]|\A[*`\"_~]|[0-9] ?[A-Za-z]|\\text")
_PLAIN = re.compile(r"[-+0-9.,/(){} ]*")
_WRAPPERS = ("**", "`", '"', "__")
_MARKS = frozenset(mark[0] for mark in _WRAPPERS)
_DOUBLED = re.compile(r"\\\\(?=[A-Za-z{}%$])")
_REVERSED = re.compile(r"([\[\]])([^\[\]();,]+)[;,]([^\[\]();,]+)([\[\]])")
# `,\quadx_2=3` and `x=1orx=2`, as data sets have them.
_GLUED_SPACE = re.compile(r"\\q?quad(?=[A-Za-z])")
_GLUED_JOIN = re.compile(r"(?<=[0-9)}])(or|and)(?=[A-Za-z(\\][^A-Za-z])")
# Braces around the whole; with a comma or a bar inside they may be those of a set.
_GROUPED = re.compile(r"\{([^{}|,;:]+)\}")
# Boxes side by side are a list, not a product.
_BOXES = re.compile(r"\}[\s$]*(?:\\q?quad[\s$]*)?\\boxed")
_NOT = re.compile(r"\\not\s*(=|\\in(?![a-z]))")
_UNION = re.compile(r"([)\]}])\s*U\s*(?=[\[({\\])")
_LESS = re.compile(r"(\\mathbb\{R\}|(?<![A-Za-z{])R)\s*(?:\\\\?|- ?\\?)\{([^{}\\]*)\\?\}")
_POSITIVE = re.compile(r"\\mathbb\{?R\}?\s*[\^_]\s*(?:\+|\{\s*(?:\+|>\s*0)\s*\})")
_INFINITY = re.compile(r"(?<![A-Za-z\\])oo(?![A-Za-z])")
_MAPS = re.compile(r"\A([a-zA-Z])\s*:\s*([a-z])\s*(?:\\mapsto|\\to|->)(?![A-Za-z])\s*")
_DOTS = re.compile(r"\.([0-9]*)\\dot\{?([0-9])\}?([0-9]*)\\dot\{?([0-9])\}?")
_CHOOSE = re.compile(
    r"(?:\{\}_?|_)\{?([a-z0-9]+)\}?C_\{?([a-z0-9]+)\}?|(?<![A-Za-z])nCr\(([^(),]+),([^(),]+)\)"
    r"|(?<![A-Za-z\\])C_(?:([nm])|\{([nm])\})\^(?:([kmr])|\{([kmr])\})"
)
_LETTERED_PARTS = re.compile(r"[a-z] ?: ?[^:,]+(?:, ?[a-z] ?: ?[^:,]+)+")
_PARTS_SAID = re.compile(r"(?:\A|(?<=, ))([A-Za-z][A-Za-z ]{2,24}) is (?=[-$\\0-9])")
_ASIDE = re.compile(r"\((or [^()]*)\)\s*\Z")
_NAMED_PART = re.compile(
    r"(?:\A|(?<=[,;] )|(?<=[,;\n]))\s*(?![Oo]ption|[Cc]hoice|[Aa]nswer)"
    r"([A-Za-z][A-Za-z ]{1,24}): *(?=[-$\\0-9(a-z])"
)


# `2/3 pi`: who writes the space means the fraction first.
_SPACED_FRACTION = re.compile(
    r"(?<![0-9./^{a-zA-Z])([0-9]{1,9})/([0-9]{1,9}) +"
    r"(?=\\?pi(?![a-zA-Z])|\\sqrt|\(|[a-z](?![a-zA-Z(]))"
)
_CONDITION = re.compile(
    r"\s*,?\s*\\?(?:text\{\s*,?\s*)?(?<![A-Za-z])(?:where|with|for)\s*\}?\s*\$?[a-z]\s*"
    r"(?:[<>]=?|\\(?:le|ge|ne|leq|geq|neq)(?![A-Za-z])|[≤≥≠])\s*-?[0-9.]+\$?\s*\.?\s*\Z"
)
_CONDITIONS = re.compile(r"where|with|for|if|when|[<>≤≥≠]|\\(?:le|ge|ne|lt|gt)")
_LOGARITHM = re.compile(r"(?<![A-Za-z])(\\?log)(2|10)\(")
_REPEATING = re.compile(r"(-?[0-9]+\.[0-9]*)\(([0-9]+)\)")


# A pure function; references stand in many pairs.
@lru_cache(maxsize=1 << 13)
def spelled_out(text: str) -> str:
    """The answer without what only dresses it up.

    Example:
        >>> spelled_out("10 000"), spelled_out("1.000,5"), spelled_out("so the answer is $5$.")
        ('10000', '1000.5', '$5$.')
        >>> spelled_out("12 m/s"), spelled_out("5 thousand")
        ('12\\\\text{ m/s}', '5000')
    """
    bare = text.strip()
    if bare.isascii() and bare.isdigit():
        return bare
    if not bare.isascii():
        bare = without_chinese(plain_characters(bare)).strip()
    # One dollar sign before a number is money, two are TeX's.
    bare = "\\" + bare if _MONEY.match(bare) else bare.strip("$").strip()
    if _PLAIN.fullmatch(bare):
        return _number(bare) if ".(" not in bare and "(" not in bare else _signs(bare)
    if bare[0] == "{" and (inner := _GROUPED.fullmatch(bare)):
        return spelled_out(inner[1])
    bare = _signs(bare)
    if not _WORDED.search(bare) and bare.isascii():
        return bare
    bare = _undressed(bare)
    value = value_in_words(bare) if not _has_signs(bare) else None
    if value is not None:
        return str(value)
    bare = without_qualifiers(bare)
    for pattern, spelled in _RESPELLED:
        if match := pattern.fullmatch(bare):
            return match.expand(spelled)
    said = stated(_ASIDE.sub(r"\1", bare))
    bare = without_qualifiers(said) if said != bare else bare
    if len(_PARTS_SAID.findall(bare)) > 1:
        bare = _PARTS_SAID.sub(r"\1: ", bare)
    if _NAMED_PART.match(bare):
        bare = _NAMED_PART.sub(r" \\text{\1} = ", bare).strip()
    return with_unit(bare)


def other_spellings(text: str, other: str) -> list[str]:
    """What else a text may be, given the other side: a single number, or one without a condition.

    Example:
        >>> other_spellings("1,22", "1.22"), other_spellings("1,22", "1, 22")
        (['1.22'], [])
        >>> other_spellings("1,23,456", "123456")
        ['123456']
    """
    condition = _CONDITION.search(text)
    if condition is not None and not _CONDITIONS.search(other):
        return [text[: condition.start()]]
    if "," in other:
        return []
    respelled = decimal_comma(text)
    if respelled is not None:
        return [respelled]
    bare = text.strip().strip("$").strip()
    return [bare.replace(",", "")] if _INDIAN.fullmatch(bare) else []


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


def _number(text: str) -> str:
    """A number with thousands set apart by spaces or points."""
    if match := _SPACED.fullmatch(text):
        return re.sub("[ ']", "", match[1]) + match[2]
    if match := _SPACED_COMMA.fullmatch(text):
        return re.sub("[ .]", "", match[1]) + "." + match[2]
    return text.replace(".", "") if _DOTTED.fullmatch(text) else text


def _signs(text: str) -> str:
    """Signs that are spelled otherwise in some countries or by some programs."""
    if "'" in text and _SPACED.fullmatch(text):
        return _number(text)
    if "\\\\" in text and r"\begin" not in text:
        text = _DOUBLED.sub(r"\\", text)
    elif r"\\begin" in text:
        text = text.replace("\\\\", "\\")
    if text[:1] == "]" or text[-1:] == "[" or "[ \\cup" in text or "] \\cup ]" in text:
        text = _REVERSED.sub(_turned, text)
    if r"\boxed" in text:
        text = _BOXES.sub(r"}, \\boxed", text)
    if r"\q" in text:
        text = _GLUED_SPACE.sub(r"\\quad ", text)
    if "or" in text or "and" in text:
        text = _GLUED_JOIN.sub(r" \\text{ \1 } ", text)
    if r"\not" in text:
        text = _NOT.sub(lambda m: r"\ne " if m[1] == "=" else r"\notin ", text)
    if "oo" in text:
        text = _INFINITY.sub(r"\\infty ", text)
    if r"\dot" in text:
        text = _DOTS.sub(r".\1\\overline{\2\3\4}", text)
    if ":" in text:
        text = _MAPS.sub(r"\1(\2) = ", text)
        text = text.replace(":", "=") if _LETTERED_PARTS.fullmatch(text) else text
    if "C" in text:
        text = _CHOOSE.sub(_chosen, text)
    if "U" in text:
        text = _UNION.sub(r"\1 \\cup ", text)
    if "R" in text and ("^" in text or "_" in text):
        text = _POSITIVE.sub(r"(0,\\infty)", text)
    if "R" in text and "{" in text:
        text = _LESS.sub(r"\\mathbb{R} \\setminus \\{\2\\}", text)
    if "/" in text:
        text = _SPACED_FRACTION.sub(r"\\frac{\1}{\2} ", text)
    if "log" in text:
        text = _LOGARITHM.sub(r"\1_{\2}(", text)
    if "(" in text and (match := _REPEATING.fullmatch(text)):
        return rf"{match[1]}\overline{{{match[2]}}}"
    if text[:1] in "UEGCRI" and (match := _CURRENCY.fullmatch(text)):
        currency = "USD" if match[1].startswith("US") else match[1]
        return rf"{match[2]} \text{{ {currency}}}"
    return text


def _turned(match: re.Match[str]) -> str:
    """`]1;2[` is the open interval."""
    opening = "(" if match[1] == "]" else "["
    closing = ")" if match[4] == "[" else "]"
    return f"{opening}{match[2]},{match[3]}{closing}"


def _chosen(match: re.Match[str]) -> str:
    """`_nC_k`, `nCr(n,k)` and `C_n^k`."""
    above, below = (group for group in match.groups() if group)
    return rf"\binom{{{above}}}{{{below}}}"


def _has_signs(text: str) -> bool:
    return "\\" in text or "=" in text or "^" in text


def _undressed(text: str) -> str:
    """Without Markdown's marks or quotes around the whole."""
    if text[:1] not in _MARKS:
        return text
    for mark in _WRAPPERS:
        inner = text[len(mark) : -len(mark)]
        if inner.strip() and text == f"{mark}{inner}{mark}" and mark not in inner:
            return inner.strip()
    return text
