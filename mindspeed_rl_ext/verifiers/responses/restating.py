r"""Whether an answer only repeats an expression of its prompt.

The better the comparison, the better it pays to copy the question: `\binom{31}{28}` is equal to
4495. An answer that is an expression of the prompt answers nothing, unless the reference answer is
one too ("which is larger, 3/4 or 2/3?").

Covers: formulas between dollar signs, in display and `align`, formulas in plain text that have an
operator; whole formulas, their sides around `=` and other relations, the parts of a list. Compared
as trees, so what changes no meaning does not count: `\dfrac`, `\left`, spacing, brackets, order of
terms and factors, `+0`, `\cdot 1`, `/1`, `^1`, `x =` before it, a box.
Does not cover: an expression worked out in part; `Policy.evaluated` looks at that.

Example:
    >>> restates(r"x = 487^2\cdot 1 + 0", "Find $x = 487^2$.")
    True
    >>> restates("237169", "Find $x = 487^2$.")
    False
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache

from mindspeed_rl_ext.core.text import last_boxed
from mindspeed_rl_ext.verifiers.equivalence.reading.lexer import Token, tokens
from mindspeed_rl_ext.verifiers.equivalence.reading.reader import read
from mindspeed_rl_ext.verifiers.equivalence.reading.tree import UnreadableError, words
from mindspeed_rl_ext.verifiers.responses.forms import Form, form_of, is_bare
from mindspeed_rl_ext.verifiers.responses.formulas import (
    MAX_FORMULA_CHARS,
    MAX_FORMULAS,
    MAX_PROMPT_CHARS,
    formulas,
)

_RELATIONS = words(r"= < > \le \ge \ne \in \approx \equiv")
_OPENING, _CLOSING = words(r"( [ { \{ \lfloor \lceil"), words(r") ] } \} \rfloor \rceil")
_SEPARATORS = frozenset({",", ";"})
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


def restates(answer: str, prompt: str) -> bool:
    r"""Whether an answer is an expression of the prompt and nothing more.

    Args:
        answer: what was taken out of a response, such as the content of a box.
        prompt: the text that the policy was given.
    """
    known = prompt_formulas(prompt)
    whole, sides = _read_answer(answer)
    if whole & known:
        return not any(map(is_bare, whole))
    content = [side for side in sides if not any(map(is_bare, side))]
    return bool(content) and len(sides) > 1 and all(side & known for side in content)


def same_text(one: str, other: str) -> bool:
    r"""Whether two answers are the same expression, apart from how it is spelled.

    Example:
        >>> same_text(r"\dfrac{3}{4}", "3/4"), same_text("0.75", "3/4")
        (True, False)
    """
    return bool(_read_answer(one)[0] & _read_answer(other)[0])


# Groups of responses share a prompt.
@lru_cache(maxsize=512)
def prompt_formulas(prompt: str) -> frozenset[Form]:
    """The expressions of a prompt, in the form in which answers are compared with them."""
    found: set[Form] = set()
    for number, formula in enumerate(formulas(prompt[-MAX_PROMPT_CHARS:])):
        if number >= MAX_FORMULAS:
            break
        found.update(_keys_of_formula(formula))
    return frozenset(found)


def _keys_of_formula(formula: str) -> Iterator[Form]:
    if len(formula) > MAX_FORMULA_CHARS:
        return
    found = _tokens(formula)
    yield from _keys(found)
    for item in _split(found, _SEPARATORS, at_text=True):
        yield from _keys(item)
        for side in _split(item, _RELATIONS):
            yield from _keys(side)


def _read_answer(answer: str) -> tuple[frozenset[Form], list[frozenset[Form]]]:
    r"""The keys of an answer, and those of its sides around relation signs."""
    text = answer[:MAX_FORMULA_CHARS]
    if r"\boxed" in text:
        text = last_boxed(text) or text
    found = _tokens(text)
    return _keys(found), [_keys(side) for side in _split(found, _RELATIONS)]


def _tokens(text: str) -> list[Token]:
    try:
        found = tokens(text)
    except UnreadableError:
        return [Token("text", " ".join(text.split()))]
    return [token for token in found if token.text != "&"]


def _split(
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


def _keys(found: Sequence[Token]) -> frozenset[Form]:
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
