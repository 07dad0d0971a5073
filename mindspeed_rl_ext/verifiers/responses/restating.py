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

import re
from collections.abc import Hashable, Iterator, Sequence
from fractions import Fraction
from functools import lru_cache

from mindspeed_rl_ext.core.text import last_boxed
from mindspeed_rl_ext.verifiers.equivalence.reading.lexer import Token, tokens
from mindspeed_rl_ext.verifiers.equivalence.reading.reader import read
from mindspeed_rl_ext.verifiers.equivalence.reading.tree import (
    Call,
    Node,
    Number,
    Power,
    Product,
    Sum,
    Symbol,
    UnreadableError,
    words,
)

# A prompt holds a template and perhaps examples; what is read of it is bounded.
MAX_PROMPT_CHARS = 40_000
MAX_FORMULA_CHARS = 600
MAX_FORMULAS = 600

_FORMULA = re.compile(
    r"(?<!\\)\$\$(?P<display>[^$]{1,4000})\$\$"
    r"|(?<!\\)\$(?P<inline>(?:[^$\\]|\\.){1,4000})\$"
    r"|\\\[(?P<bracket>.{1,4000}?)\\\]"
    r"|\\\((?P<paren>.{1,4000}?)\\\)"
    r"|\\begin\{(?P<name>(?:align|equation|gather|eqnarray|multline|displaymath|math)\*?)\}"
    r"(?P<rows>.{1,4000}?)\\end\{(?P=name)\}",
    re.DOTALL,
)
_ROW_END = re.compile(r"\\\\|&|\\(?:begin|end)\{(?:aligned|split|gathered)\}")
_LEADING = re.compile(r"\A[\s,.;:]+|[\s,.;:?!]+\Z")
_WORD = re.compile(r"(?<![A-Za-z\\])[A-Za-z]{2,}")
_FUNCTIONS = words("sqrt sin cos tan log ln exp arcsin arccos arctan")
_OPERATOR = re.compile(r"[-+*/^=<>!×÷·]|\\[A-Za-z]{2,}|[A-Za-z]\(")
_RELATIONS = words(r"= < > \le \ge \ne \in \approx \equiv")
_OPENING, _CLOSING = words(r"( [ { \{ \lfloor \lceil"), words(r") ] } \} \rfloor \rceil")
_SEPARATORS = frozenset({",", ";"})
# What may stand around a value without being part of it.
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

Key = Hashable


def restates(answer: str, prompt: str) -> bool:
    r"""Whether an answer is an expression of the prompt and nothing more.

    Args:
        answer: what was taken out of a response, such as the content of a box.
        prompt: the text that the policy was given.
    """
    known = prompt_formulas(prompt)
    whole, sides = _read_answer(answer)
    if whole & known:
        return not any(map(_is_bare, whole))
    content = [side for side in sides if not any(map(_is_bare, side))]
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
def prompt_formulas(prompt: str) -> frozenset[Key]:
    """The expressions of a prompt, in the form in which answers are compared with them."""
    found: set[Key] = set()
    for number, formula in enumerate(_formulas(prompt[-MAX_PROMPT_CHARS:])):
        if number >= MAX_FORMULAS:
            break
        found.update(_keys_of_formula(formula))
    return frozenset(found)


def _formulas(prompt: str) -> Iterator[str]:
    """The formulas with delimiters, then all that look like one without them.

    A dollar sign may be money, which pairs the signs wrongly; the second look finds such formulas.
    """
    for match in _FORMULA.finditer(prompt):
        body = match[match.lastgroup or "inline"] if match["rows"] is None else match["rows"]
        yield body
        rows = [row for row in _ROW_END.split(body) if row.strip()]
        if len(rows) > 1:
            yield from rows
            yield " ".join(rows)
    yield from _plain_formulas(prompt.replace("$", " "))


def _plain_formulas(text: str) -> Iterator[str]:
    """Runs of chunks that are mathematics, with an operator, in a text without delimiters."""
    run: list[str] = []
    for chunk in text.split():
        bare = _LEADING.sub("", chunk)
        if _is_mathematics(bare):
            run.append(bare)
            if chunk[-1] not in ".,;:?!":
                continue
        if run:
            yield from _operations(run)
            run = []
    yield from _operations(run)


def _operations(run: Sequence[str]) -> Iterator[str]:
    formula = " ".join(run)
    if _OPERATOR.search(formula) and len(formula) <= MAX_FORMULA_CHARS:
        yield formula


def _is_mathematics(chunk: str) -> bool:
    if not chunk or len(chunk) > MAX_FORMULA_CHARS:
        return False
    if any(word.lower() not in _FUNCTIONS for word in _WORD.findall(chunk)):
        return False
    return any(c.isdigit() for c in chunk) or _OPERATOR.search(chunk) is not None


def _keys_of_formula(formula: str) -> Iterator[Key]:
    if len(formula) > MAX_FORMULA_CHARS:
        return
    found = _tokens(formula)
    yield from _keys(found)
    for item in _split(found, _SEPARATORS, at_text=True):
        yield from _keys(item)
        for side in _split(item, _RELATIONS):
            yield from _keys(side)


def _read_answer(answer: str) -> tuple[frozenset[Key], list[frozenset[Key]]]:
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


def _keys(found: Sequence[Token]) -> frozenset[Key]:
    """What two spellings of one expression have in common, with its unit and without."""
    return frozenset({_key(found), _key(_without_surroundings(found))})


def _key(found: Sequence[Token]) -> Key:
    """The form of an expression; its text where it is not read."""
    try:
        return _form(read(list(found)))
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
    has_value = any(token.kind in ("number", "letter", "command") for token in found)
    while start < end and found[start].text in (*_AROUND, "="):
        start += 1
    while end > start and (
        found[end - 1].text in (*_AROUND, "=") or (has_value and found[end - 1].kind == "text")
    ):
        end -= 1
    return list(found[start:end])


def _is_bare(key: Key) -> bool:
    """A name, or a function of names such as `f(x)`: no content of its own."""
    if not isinstance(key, tuple) or not key:
        return False
    if key[0] == "symbol":
        return True
    if key[0] == "text":
        return not any(char.isdigit() for char in str(key[1])) and "\\" not in str(key[1])
    if key[0] == "Call" and len(str(key[1])) == 1:
        return all(map(_is_bare, key[2:]))
    return key[0] == "product" and key[1] == 1 and all(_is_bare(k) for k, _ in key[2])


def _form(node: Node) -> Key:
    """A tree without what changes no meaning: order, brackets, zeros, ones, signs of signs."""
    if isinstance(node, Number):
        return ("number", node.value)
    if isinstance(node, Symbol):
        return ("symbol", node.name)
    if isinstance(node, Sum):
        return _sum_form(node)
    if isinstance(node, (Product, Power)):
        sign, factors = _factors(node, divides=False)
        return _product_form(sign, factors)
    if isinstance(node, Call):
        return ("Call", node.name, *map(_form, node.arguments))
    parts = getattr(node, "sides", None) or getattr(node, "items", None)
    if parts is not None:
        names = (getattr(node, "signs", ""), getattr(node, "opening", ""))
        return (type(node).__name__, *names, *map(_form, parts))
    return ("node", repr(node))


def _sum_form(node: Sum) -> Key:
    terms = [term for term in _terms(node, 1) if term[1] != ("number", Fraction(0))]
    if not terms:
        return ("number", Fraction(0))
    if len(terms) == 1:
        sign, form = terms[0]
        return form if sign == "1" else _negative(form)
    return ("sum", *sorted(terms, key=repr))


def _terms(node: Node, sign: int) -> Iterator[tuple[str, Key]]:
    """The signs and forms of all terms, those of inner sums included."""
    if not isinstance(node, Sum):
        form = _form(node)
        if isinstance(form, tuple) and form[0] == "product" and form[1] == -1:
            yield str(-sign), _product_form(1, list(form[2]))
        elif isinstance(form, tuple) and form[0] == "number" and form[1] < 0:
            yield str(-sign), ("number", -form[1])
        elif isinstance(form, tuple) and form[0] == "sum":
            for written, term in form[1:]:
                yield _signed(written, sign), term
        else:
            yield str(sign), form
        return
    for written, term in node.terms:
        if written in "+-":
            yield from _terms(term, -sign if written == "-" else sign)
        else:
            yield f"{written}{sign}", _form(term)


def _signed(written: str, sign: int) -> str:
    return written if sign == 1 or not written.lstrip("-").isdigit() else str(-int(written))


def _negative(form: Key) -> Key:
    if isinstance(form, tuple) and form[0] == "number":
        return ("number", -form[1])
    if isinstance(form, tuple) and form[0] == "product":
        return _product_form(-form[1], list(form[2]))
    return _product_form(-1, [(form, False)])


def _factors(node: Node, *, divides: bool) -> tuple[int, list[tuple[Key, bool]]]:
    """The sign of a product and the forms of its factors, those of inner products included."""
    if isinstance(node, Product):
        sign, found = 1, []
        for factor, inverse in node.factors:
            inner_sign, inner = _factors(factor, divides=divides != inverse)
            sign *= inner_sign
            found += inner
        return sign, found
    if isinstance(node, Power):
        exponent = _form(node.exponent)
        if exponent == ("number", Fraction(1)):
            return _factors(node.base, divides=divides)
        return 1, [(("power", _form(node.base), exponent), divides)]
    form = _form(node)
    if isinstance(form, tuple) and form[0] == "number" and form[1] < 0:
        return -1, [(("number", -form[1]), divides)]
    if isinstance(form, tuple) and form[0] == "product":
        return form[1], [(key, inverse != divides) for key, inverse in form[2]]
    return 1, [(form, divides)]


def _product_form(sign: int, factors: list[tuple[Key, bool]]) -> Key:
    left = [factor for factor in factors if factor[0] != ("number", Fraction(1))]
    if not left:
        return ("number", Fraction(sign))
    if len(left) == 1 and not left[0][1]:
        form = left[0][0]
        if sign == 1:
            return form
        if isinstance(form, tuple) and form[0] == "number":
            return ("number", -form[1])
    return ("product", sign, tuple(sorted(left, key=repr)))
