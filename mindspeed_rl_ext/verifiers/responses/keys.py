r"""What all spellings of one expression have in common: its key.

Covers: the form of the tree where an expression is read, else its text; with its unit and without;
parts between relation signs and of lists.
Does not cover: values; two expressions that are equal have different keys.

Example:
    >>> bool(keys_of(read_tokens(r"\dfrac{3}{4}")) & keys_of(read_tokens("3/4.")))
    True
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mindspeed_rl_ext.verifiers.equivalence.reading.lexer import Token, tokens
from mindspeed_rl_ext.verifiers.equivalence.reading.reader import read
from mindspeed_rl_ext.verifiers.equivalence.reading.tree import UnreadableError, words
from mindspeed_rl_ext.verifiers.responses.forms import Form, form_of

RELATIONS = words(r"= < > \le \ge \ne \in \approx \equiv")
_OPENING, _CLOSING = words(r"( [ { \{ \lfloor \lceil"), words(r") ] } \} \rfloor \rceil")
SEPARATORS = frozenset({",", ";"})
# What may stand around a value without being part of it.
_IN_UNITS = words("^ { } / * - 1 2 3 \\, .")
_AROUND = words(r"\circ % \% . , ; : ^ \$ $")

# In the words of the lexer, where `\\cdot` and `\\times` are `*`.
_NEUTRAL_ENDS: tuple[tuple[str, ...], ...] = (
    ("+", "0"),
    ("-", "0"),
    ("*", "1"),
    ("/", "1"),
    ("^", "1"),
)
_NEUTRAL_STARTS: tuple[tuple[str, ...], ...] = (("0", "+"), ("1", "*"), ("+",))


def read_tokens(text: str) -> list[Token]:
    """The tokens of an expression; one token of text where it has too many."""
    try:
        found = tokens(text)
    except UnreadableError:
        return [Token("text", " ".join(text.split()))]
    return [token for token in found if token.text != "&"]


def split_tokens(
    found: Sequence[Token], signs: frozenset[str], *, at_text: bool = False
) -> Iterator[list[Token]]:
    """Parts between signs that stand outside brackets, and between words where these separate."""
    part: list[Token] = []
    depth = 0
    for token in found:
        depth += (token.text in _OPENING) - (token.text in _CLOSING)
        separates = token.text in signs or (at_text and token.kind in ("text", "word"))
        if separates and depth <= 0:
            if part:
                yield part
            part = []
        else:
            part.append(token)
    if part:
        yield part


def keys_of(found: Sequence[Token]) -> frozenset[Form]:
    """What two spellings of one expression have in common, with its unit and without."""
    return frozenset({_key(found), _key(_without_surroundings(found))})


def _key(found: Sequence[Token]) -> Form:
    """The form of an expression; its text where it is not read."""
    try:
        return form_of(read(list(found)))
    except (UnreadableError, RecursionError, ValueError, ArithmeticError):
        texts = [token.text for token in found if token.text not in ("{", "}")]
        return ("text", " ".join(_undressed(texts)).casefold())


def _undressed(texts: list[str]) -> list[str]:
    """Without the additions that change no value, where no tree shows them."""
    before = None
    while before != texts:
        before = texts
        for neutral in _NEUTRAL_ENDS:
            if len(texts) > len(neutral) and tuple(texts[-len(neutral) :]) == neutral:
                texts = texts[: -len(neutral)]
        for neutral in _NEUTRAL_STARTS:
            if len(texts) > len(neutral) and tuple(texts[: len(neutral)]) == neutral:
                texts = texts[len(neutral) :]
        if len(texts) > 2 and texts[0] == "(" and _closing(texts) == len(texts) - 1:
            texts = texts[1:-1]
    return texts


def _closing(texts: Sequence[str]) -> int:
    """Where the bracket that opens a text is closed."""
    depth = 0
    for index, text in enumerate(texts):
        depth += (text == "(") - (text == ")")
        if depth == 0:
            return index
    return -1


def _without_surroundings(found: Sequence[Token]) -> list[Token]:
    """Without units, currency, signs of degree and percent, and marks around the whole."""
    start, end = 0, len(found)
    while start < end and found[start].text in (*_AROUND, "="):
        start += 1
    texts = [at for at in range(start + 1, end) if found[at].kind == "text"]
    if texts and all(t.kind == "text" or t.text in _IN_UNITS for t in found[texts[0] : end]):
        end = texts[0]
    while end > start and found[end - 1].text in (*_AROUND, "="):
        end -= 1
    return list(found[start:end])
