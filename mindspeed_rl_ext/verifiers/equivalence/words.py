r"""Answers that are words, choice letters, or numbers with a unit behind them.

Covers: `\text{Evelyn}` and `Evelyn`, `\text{(C)}` and `C`, plain words; units, degrees and
percent signs taken off the end of a number.
Does not cover: translations, number words, units converted into each other.
"""

from __future__ import annotations

from typing import NamedTuple

from mindspeed_rl_ext.verifiers.equivalence.policy import Policy
from mindspeed_rl_ext.verifiers.equivalence.reading.lexer import Token
from mindspeed_rl_ext.verifiers.equivalence.reading.tree import is_digits, words
from mindspeed_rl_ext.verifiers.equivalence.units import canonical

# Bare words, without \text, that can only be units or counted things.
_BARE_UNITS = words("""
    degrees degree dollars dollar cents cent percent inches inch feet foot yards yard miles mile
    meters meter metres metre kilometers cm mm km kg grams pounds ounces gallons liters hours hour
    minutes minute seconds second days day weeks week months month years year units unit""")
# Words behind a number that are no unit: they change what it says.
_NOT_UNITS = words("""
    or and more less than least most not mod modulo if for when where only about approximately
    thousand hundred dozen dozens million billion trillion pair pairs squared cubed negative minus
    plus times half halves third thirds quarter quarters base factorial is was infinity""")


FUNCTIONS = words(r"\sin \cos \tan \cot \sec \csc")
_NOTHING = words("no-solution no-solutions no-real-solution no-real-solutions empty-set none-exist")
_ARTICLES = frozenset({"a", "an", "the"})
_OPENING = frozenset({"(", "[", "{", r"\{"})
_CLOSING = frozenset({")", "]", "}", r"\}"})


class Measured(NamedTuple):
    """The tokens of a quantity and its unit, empty where there is none."""

    tokens: list[Token]
    unit: str


def words_of(found: list[Token], policy: Policy) -> str | None:
    r"""The words of an answer that is nothing but `\text{...}`, or None.

    Example:
        >>> from mindspeed_rl_ext.verifiers.equivalence.reading.lexer import tokens
        >>> words_of(tokens(r"\text{(C)}"), Policy()), words_of(tokens("x"), Policy())
        ('c', None)
    """
    inner = _unwrapped(found)
    if not inner or any(token.kind not in ("text", "word") for token in inner):
        return None
    return _folded(" ".join(token.text for token in inner), policy)


def letters_of(found: list[Token], policy: Policy) -> str | None:
    """The letters of an answer that is nothing but bare letters, as one string, or None."""
    inner = _unwrapped(found)
    if not inner or any(token.kind != "letter" for token in inner):
        return None
    return _folded("".join(token.text for token in inner), policy)


def compare_words(left: list[Token], right: list[Token], policy: Policy) -> bool | None:
    r"""Whether two answers are the same words; None where they are not both words.

    Bare letters count as words only beside a `\text`: alone they may be a product.
    """
    chosen = _choices(left, right)
    if chosen is not None:
        return chosen
    worded = [words_of(side, policy) for side in (left, right)]
    if worded[0] is None and worded[1] is None:
        return None
    spelled = [
        word.replace(" ", "") if word is not None else letters_of(side, policy)
        for word, side in zip(worded, (left, right), strict=True)
    ]
    if spelled[0] is not None and spelled[1] is not None:
        return spelled[0] == spelled[1] or (
            policy.unordered_lists and _listed(worded[0]) == _listed(worded[1]) != []
        )
    for word, other in ((worded[0], right), (worded[1], left)):
        if word is not None and word.replace(" ", "-") in _NOTHING:
            return [token.text for token in other] in ([r"\emptyset"], [r"\{", r"\}"])
    inner = [_unwrapped(side) for side in (left, right)]
    return True if _flat(inner[0], policy) == _flat(inner[1], policy) else None


def _choices(left: list[Token], right: list[Token]) -> bool | None:
    """The letter of a choice: `(B)`, `b`, `(B) 12`, `B. 12` are all B; None for anything else."""
    one, two = _choice(left), _choice(right)
    if one is None or two is None:
        return None
    # A lone small letter is a variable, unless the other side is a capital by itself.
    alone = [letter for letter, side in ((one, left), (two, right)) if len(_unwrapped(side)) == 1]
    if not any(letter.isupper() for letter in alone):
        return None
    return one.upper() == two.upper()


def _choice(found: list[Token]) -> str | None:
    inner = _unwrapped(found)
    letter = (inner if len(inner) == 1 else found)[0].text.strip("().: ")
    if len(inner) > 1:
        texts = [token.text for token in found[:3]]
        bracketed = texts[:1] == ["("] and texts[2:] == [")"]
        letter = texts[1] if bracketed else letter
        marked = found[0].kind == "text" and found[0].text.strip()[-1:] in ")."
        if not (bracketed or marked) or len(found) == 3:
            return None
    return letter if len(letter) == 1 and letter.upper() in "ABCDE" else None


def measured(found: list[Token]) -> Measured:
    r"""Takes the unit off the end: `5 \text{ cm}^2`, `90^\circ`, `10\%`, `30 degrees`.

    Example:
        >>> from mindspeed_rl_ext.verifiers.equivalence.reading.lexer import tokens
        >>> measured(tokens(r"15\text{ cm}^2")).unit
        'cm^2'
    """
    found = without_braces(found)
    end = len(found)
    texts = [token.text for token in found]
    if FUNCTIONS.intersection(texts):
        return Measured(found, "")  # `\sin 15^\circ` is a number, not an angle
    if texts[-1:] in (["C"], ["F"]) and r"\circ" in texts[-3:-1]:
        angle = measured(found[:-1])
        return Measured(angle.tokens, f"degree {texts[-1]}")
    if texts[-2:] == ["^", r"\circ"]:
        return Measured(found[:-2], "degree") if end > 2 else Measured(found, "")
    if texts[-4:] == ["^", "{", r"\circ", "}"]:
        return Measured(found[:-4], "degree") if end > 4 else Measured(found, "")
    if texts[-1:] in (["%"], [r"\%"]):
        return Measured(found[:-1], "percent") if end > 1 else Measured(found, "")
    start = _unit_start(found)
    if 0 < start < end and _may_be_unit(" ".join(texts[start:])):
        return Measured(found[:start], canonical("".join(texts[start:])))
    return _bare_unit(found)


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


def _may_be_unit(text: str) -> bool:
    for mark in "-./^*{}":
        text = text.replace(mark, " ")
    parts = text.lower().split()
    words_only = [part for part in parts if not is_digits(part)]
    letters = all(part.isalpha() or part == "%" for part in words_only)
    return letters and 0 < len(words_only) <= 5 and not _NOT_UNITS.intersection(parts)


def _bare_unit(found: list[Token]) -> Measured:
    start = len(found)
    if start > 1 and found[-1].kind == "word" and found[-1].text.lower() in _BARE_UNITS:
        return Measured(found[:-1], canonical(found[-1].text))
    while start and found[start - 1].kind == "letter":
        start -= 1
    word = "".join(token.text for token in found[start:])
    if start and found[start - 1].kind == "number" and word.lower() in _BARE_UNITS:
        return Measured(found[:start], canonical(word))
    return Measured(found, "")


def without_announcement(found: list[Token]) -> list[Token]:
    r"""Without the `\text{The answer is}` or `\text{Answer:}` before an answer."""
    if len(found) < 2 or found[0].kind != "text":
        return found
    said = found[0].text.rstrip()
    announces = said.endswith(":") or said.casefold().split()[-1:] in (["is"], ["are"], ["equals"])
    return found[1:] if announces else found


def without_braces(found: list[Token]) -> list[Token]:
    """Without braces or brackets around the whole, where a unit may hide inside."""
    while len(found) > 2 and (found[0].text, found[-1].text) in (("{", "}"), ("(", ")")):
        depth, commas = 0, 0
        for index, token in enumerate(found):
            depth += (token.text in _OPENING) - (token.text in _CLOSING)
            commas += token.text in (",", ";")
            if depth == 0 and index < len(found) - 1:
                return found
        if commas and found[0].text == "(":
            return found
        found = found[1:-1]
    return found


def _listed(text: str | None) -> list[str]:
    """The items of `Alice, Bob and Carol`, sorted; empty where a text is no list."""
    items = (text or "").replace(" and ", ",").split(",")
    return sorted(item.strip() for item in items if item.strip()) if len(items) > 1 else []


def _unwrapped(found: list[Token]) -> list[Token]:
    """Without brackets around a single token, as around the letter of a choice."""
    for opening, closing in (("(", ")"), ("{", "}")):
        if len(found) == 3 and (found[0].text, found[2].text) == (opening, closing):
            return found[1:2]
    return found


def _folded(text: str, policy: Policy) -> str:
    text = " ".join(text.split()).rstrip(".")
    if len(text) == 3 and text[0] == "(" and text[2] == ")":
        text = text[1]
    article, _, rest = text.partition(" ")
    if article.casefold() in _ARTICLES and len(rest) > 2:
        text = rest
    return text.casefold() if policy.ignore_case else text


def _flat(found: list[Token], policy: Policy) -> str:
    """The characters of tokens without white space, for `June 20` beside `\\text{June 20}`."""
    return _folded("".join("".join(token.text.split()) for token in found), policy)
