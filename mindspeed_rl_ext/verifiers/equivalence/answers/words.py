r"""Answers that are words, and what words mean the same.

Covers: `\text{Evelyn}` and `Evelyn`, lists of words in any order, articles and case; "no solution",
"does not exist", "infinitely many", yes and no, in English and Chinese, and their signs.
Does not cover: other translations.
"""

from __future__ import annotations

import re

from mindspeed_rl_ext.verifiers.equivalence.policy import Policy
from mindspeed_rl_ext.verifiers.equivalence.reading.lexer import Token
from mindspeed_rl_ext.verifiers.equivalence.reading.tree import words

_LETTERED = frozenset({"text", "word", "letter"})
_ARTICLES = frozenset({"a", "an", "the"})
_OPENING = frozenset({"(", "[", "{", r"\{"})
_CLOSING = frozenset({")", "]", "}", r"\}"})

# Phrases that say the same, by what they say; white space and case do not count.
_PHRASES = {
    "nothing": (
        "no solution", "no solutions", "no real solution", "no real solutions", "empty set",
        "the empty set", "none exist", "no such solution", "no roots", "none", "no real roots",
        "no solution exists", "no solutions exist", "null set",
    ),
    "nowhere": (
        "does not exist", "do not exist", "doesn't exist", "dne", "undefined", "not defined",
        "is undefined", "no limit",
    ),
    "endless": (
        "infinitely many", "infinitely many solutions", "infinite", "infinite solutions",
        "infinitely many values", "an infinite number", "infinity", "infinite number of solutions",
    ),
    "divergent": ("diverges", "divergent", "the series diverges", "it diverges"),
    "convergent": ("converges", "convergent", "the series converges", "it converges"),
    "yes": ("yes", "true", "correct"),
    "no": ("no", "false", "incorrect"),
}  # fmt: skip
_MEANING = {phrase: meaning for meaning, phrases in _PHRASES.items() for phrase in phrases}
# Yes is not true: the words of one question are not those of another.
_MEANING |= {word: word for word in ("yes", "no", "true", "false", "correct", "incorrect")}
_SIGNS = {r"\emptyset": "nothing", r"\{ \}": "nothing", r"\infty": "endless"}
_THERE = re.compile(r"(?:there (?:is|are|exists?) |it has |it |the limit |the equation has )")
_FIRST = re.compile(
    r"(?:\\text\{\s*)?(yes|no|true|false|correct|incorrect)\s*[,.;:!\u2014-]+\}?\s*\S.*",
    re.IGNORECASE | re.DOTALL,
)
# Short words of answers; other letters side by side may be a product.
_SHORT = words("yes no all any one two red tan mon tue wed thu fri sat sun odd")


def meaning_of(found: list[Token], text: str) -> str:
    """What an answer says that has signs and other words too: `nothing`, `yes`; empty for others.

    Example:
        >>> meaning_of([], "There is no solution."), meaning_of([], "Yes, it is.")
        ('nothing', 'yes')
    """
    if len(found) <= 2:
        signs = _SIGNS.get(" ".join(token.text for token in found))
        if signs:
            return signs
    if not 1 < len(text) <= 200 or not (text[0].isalpha() or text[0] == "\\"):
        return ""
    if match := _FIRST.fullmatch(text):
        return match[1].casefold()
    bare = re.sub(r"\\(?:text|textbf|mathrm|mbox)\b|[{}$.!]|\\ ", " ", text).casefold()
    bare = " ".join(bare.split())
    return _MEANING.get(bare) or _MEANING.get(_THERE.sub("", bare, count=1), "")


def compare_words(left: list[Token], right: list[Token], policy: Policy) -> bool | None:
    r"""Whether two answers are the same words; None where they are not both words.

    Bare letters count as words only beside a `\text`: alone they may be a product.
    """
    if not all(any(token.kind in _LETTERED for token in side) for side in (left, right)):
        return None
    worded = [words_of(side, policy) for side in (left, right)]
    lists = [_items_of(side, policy) for side in (left, right)]
    listed = policy.unordered_lists and lists[0] == lists[1] != []
    if worded[0] is None and worded[1] is None:
        return listed or _same_short_word(left, right, policy) or None
    spelled = [
        word.replace(" ", "") if word is not None else letters_of(side, policy)
        for word, side in zip(worded, (left, right), strict=True)
    ]
    if spelled[0] is not None and spelled[1] is not None:
        return spelled[0] == spelled[1] or (
            policy.unordered_lists and _listed(worded[0]) == _listed(worded[1]) != []
        )
    inner = [_unwrapped(side) for side in (left, right)]
    if _flat(inner[0], policy) == _flat(inner[1], policy):
        return True
    return listed or None


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


def without_announcement(found: list[Token]) -> list[Token]:
    r"""Without the `\text{The answer is}` or `\text{Answer:}` before an answer."""
    if len(found) < 2 or found[0].kind != "text":
        return found
    first = found[0].text.rstrip()
    announces = first.casefold().split()[-1:] in (["is"], ["are"], ["equals"], ["only"])
    return found[1:] if announces or first.endswith(":") else found


def without_braces(found: list[Token]) -> list[Token]:
    """Without braces or brackets around the whole, where a unit may hide inside."""
    while len(found) > 2 and (found[0].text, found[-1].text) in (("{", "}"), ("(", ")")):
        if found[0].text == "{" and found[2].text in ("|", ":"):
            return found  # a set by its condition
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


def _same_short_word(left: list[Token], right: list[Token], policy: Policy) -> bool:
    """`yes` and `Yes`, `Bob` and `bob`: letters side by side that one side shows to be a word."""
    one, two = ("".join(t.text for t in side if t.kind == "letter") for side in (left, right))
    if not policy.ignore_case or len(one) < 2 or len(one) != len(left) or len(two) != len(right):
        return False
    named = any(word.istitle() and len(word) > 2 for word in (one, two))
    return one.casefold() == two.casefold() and (named or one.casefold() in _SHORT)


def _listed(text: str | None) -> list[str]:
    """The items of `Alice, Bob and Carol`, sorted; empty where a text is no list."""
    items = (text or "").replace(" and ", ",").split(",")
    return sorted(item.strip() for item in items if item.strip()) if len(items) > 1 else []


def _items_of(found: list[Token], policy: Policy) -> list[str]:
    """The words between commas and "and", sorted; empty where anything else is among them."""
    items, current = [], list[str]()
    for token in [*found, Token("mark", ",")]:
        if token.text in (",", ";", "and"):
            if current:
                items.append(_folded(" ".join(current), policy))
            current = []
        elif token.kind in ("text", "word") or token.kind == "letter":
            current.append(token.text)
        else:
            return []
    parts = [part for item in items for part in (_listed(item) or [item])]
    return sorted(part.replace(" ", "") for part in parts) if len(parts) > 1 else []


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
