r"""How far an answer is worked out, compared with its reference.

`\binom{31}{28}` is 4495, and copying it out of the question is no answer. Two levels ask more than
equality: `as_reference` refuses operations that the prediction leaves undone where the reference
leaves none of the kind; `strict` refuses fractions that are not reduced as well.

| kind | undone | done |
|---|---|---|
| arithmetic | `513^2-487^2`, `3 \cdot 4`, `\frac12+\frac13` | `\frac64`, `3\cdot10^8`, `2\sqrt3` |
| root | `\sqrt{16}` where the reference has no root | `\sqrt{12}` for `2\sqrt3` |
| function | `\sin 30^\circ`, `\log_2 8`, `\lfloor 3.7\rfloor`, `\gcd(4,6)` | `\sin x` |
| combinatorics | `\binom{31}{28}`, `5!` | `n!` |
| expansion | `4(r+1)-6(r-2)` | `(r+1)(r-2)`, `r^2-r-2` |
| sum, integral, limit, derivative, modulus, matrix | `\sum_{k=1}^{n} k`, `\det A` | |
| fraction (strict) | `\frac64` | `\frac32` |

Covers: what stands in an answer. In `x = 2+3 = 5` the side that is worked out counts.
Does not cover: factored against expanded, surds in another form: these are forms of a result.

Example:
    >>> from mindspeed_rl_ext.verifiers.equivalence.answers.answer import read_answer
    >>> left_undone(read_answer("2^{10}"), read_answer("1024"), "as_reference")
    'arithmetic'
    >>> left_undone(read_answer(r"\frac64"), read_answer("1.5"), "as_reference")
    ''
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from fractions import Fraction

from mindspeed_rl_ext.verifiers.equivalence.answers.answer import Answer
from mindspeed_rl_ext.verifiers.equivalence.policy import Evaluated
from mindspeed_rl_ext.verifiers.equivalence.reading.lexer import Token
from mindspeed_rl_ext.verifiers.equivalence.reading.reader import read
from mindspeed_rl_ext.verifiers.equivalence.reading.tree import (
    Call,
    Fold,
    Integral,
    Node,
    Number,
    Power,
    Product,
    Series,
    Sum,
    Symbol,
    UnreadableError,
    all_names,
    calls,
    children,
    symbols,
    words,
)

Kinds = frozenset[str]
_MAX_BITS = 4096
_NONE: Kinds = frozenset()
_ARITHMETIC, _ROOT = frozenset({"arithmetic"}), frozenset({"root"})
# Operations that the reader works out itself, so that only the tokens still show them.
_BY_TOKEN = {
    r"\sum": "sum", r"\prod": "sum", r"\int": "integral", r"\lim": "limit", r"\pmod": "modulus",
    r"\det": "matrix", r"\binom": "combinatorics", r"\choose": "combinatorics",
    r"\begin{vmatrix}": "matrix", "!": "combinatorics",
}  # fmt: skip
_COMBINATORICS = words("factorial factorial2 binom")
_NOT_FUNCTIONS = words("root factorial factorial2 binom cross bracket setminus cap mod")
_MATRICES = (r"\begin{pmatrix}", r"\begin{bmatrix}", r"\begin{matrix}")
# Signs without which nothing can be left undone.
_SIGNS = frozenset("+-*/^!|") | words(r"\frac \sqrt √ [ \lfloor \lceil") | frozenset(_BY_TOKEN)


def left_undone(prediction: Answer, reference: Answer, level: Evaluated) -> str:
    """The first kind of operation that only the prediction leaves undone; empty where none is.

    Args:
        prediction: an answer that is equal to the reference.
        reference: the answer that says how far to go.
        level: of `Policy.evaluated`.
    """
    if level == "any" or prediction.tokens == reference.tokens:
        return ""
    strict = level == "strict"
    mine = undone_kinds(prediction, strict=strict)
    more = mine - undone_kinds(reference, strict=strict) if mine else mine
    return min(more) if more else ""


def undone_kinds(answer: Answer, *, strict: bool = False) -> Kinds:
    """The kinds of operations that an answer leaves undone."""
    if not any(token.text in _SIGNS or token.kind == "command" for token in answer.quantity):
        return _NONE
    sides = _sides(answer.quantity)
    if len(sides) == 1:
        return _by_tokens(answer.quantity) | _by_tree(answer.tree, strict)
    found = []
    for side in sides:
        try:
            tree = read(side)
        except UnreadableError:
            tree = None
        if isinstance(tree, Symbol):
            continue
        found.append(_by_tokens(side) | _by_tree(tree, strict))
    return frozenset.intersection(*found) if found else _NONE


def _sides(found: list[Token]) -> list[list[Token]]:
    """The sides around `=` signs; the whole where commas make it a list."""
    sides: list[list[Token]] = [[]]
    depth = 0
    for token in found:
        depth += (token.text in ("(", "{", "[", r"\{")) - (token.text in (")", "}", "]", r"\}"))
        if token.text in (",", ";") and not depth:
            return [found]
        if token.text == "=" and not depth:
            sides.append([])
        else:
            sides[-1].append(token)
    return sides


def _by_tokens(found: list[Token]) -> Kinds:
    texts = [token.text for token in found]
    kinds = {_BY_TOKEN.get(text, "") for text in texts} - {"", "combinatorics"}
    if sum(text in _MATRICES for text in texts) > 1:
        kinds.add("matrix")
    for at, text in enumerate(texts):
        if text == r"\frac" and texts[at + 1 : at + 3] == ["{", "d"] and texts[at + 3] == "}":
            kinds.add("derivative")
    return frozenset(kinds)


def _by_tree(node: Node | None, strict: bool) -> Kinds:
    """The kinds in a tree, of what the tokens do not show."""
    if node is None:
        return _NONE
    own = _own_kinds(node, strict)
    return own.union(*(_by_tree(inner, strict) for inner in children(node)))


def _own_kinds(node: Node, strict: bool) -> Kinds:
    if isinstance(node, Sum):
        return _of_sum(node)
    if isinstance(node, Product):
        return _of_product(node, strict)
    if isinstance(node, Power):
        return _of_power(node)
    if isinstance(node, Call):
        return _of_call(node)
    if isinstance(node, (Integral, Series)):
        return frozenset({"integral" if isinstance(node, Integral) else "sum"})
    return _NONE


def _of_sum(node: Sum) -> Kinds:
    terms = list(_terms(node))
    if sum(_rational(term) is not None for term in terms) > 1:
        return _ARITHMETIC
    # `4(r+1) - 6(r-2)` is neither expanded nor factored.
    return frozenset({"expansion"}) if sum(map(_holds_product, terms)) > 1 else _NONE


def _of_power(node: Power) -> Kinds:
    ten = isinstance(node.base, Number) and node.base.value == 10
    base, exponent = _rational(node.base), _rational(node.exponent)
    if exponent is None or symbols(node.base):
        return _NONE
    if exponent.denominator != 1:
        return _ROOT
    return _NONE if ten or base is None else _ARITHMETIC


def _of_product(node: Product, strict: bool) -> Kinds:
    factors = list(_factors(node))
    over = [f for f, divides in factors if not divides and _rational(f) is not None]
    under = [f for f, divides in factors if divides and _rational(f) is not None]
    powers = [f for f in over if isinstance(f, Power) and isinstance(f.base, Number)]
    scientific = len(over) == 2 and len(powers) == 1 and not under
    if (len(over) > 1 and not scientific) or len(under) > 1:
        return _ARITHMETIC
    if not symbols(node) and any(_is_complex(factor) for factor, _ in factors):
        return _ARITHMETIC
    literal = len(factors) == 2 and all(isinstance(f, Number) for f in (*over, *under))
    if strict and literal and len(over) == len(under) == 1:
        numerator, denominator = (_rational(f) for f in (over[0], under[0]))
        if numerator is not None and denominator is not None:
            whole = numerator.denominator == denominator.denominator == 1
            reduced = math.gcd(numerator.numerator, denominator.numerator) == 1
            return _NONE if whole and reduced and denominator != 1 else frozenset({"fraction"})
    return _NONE


def _of_call(node: Call) -> Kinds:
    if symbols(node):
        return _NONE
    if node.name == "root":
        nested = any(call.name == "root" for call in calls(node.arguments[1]))
        return _ROOT | {"nested root"} if nested else _ROOT
    if node.name in _COMBINATORICS:
        return frozenset({"combinatorics"})
    if node.name == "mod":
        return frozenset({"modulus"})
    return _NONE if node.name in _NOT_FUNCTIONS else frozenset({"function"})


def _terms(node: Sum) -> Iterator[Node]:
    """The terms of a sum, those of sums among them too."""
    for _, term in node.terms:
        if isinstance(term, Sum):
            yield from _terms(term)
        else:
            yield term


def _factors(node: Product, *, divides: bool = False) -> Iterator[tuple[Node, bool]]:
    """The factors of a product, those of products among them too, but not of fractions."""
    for factor, under in node.factors:
        if isinstance(factor, Product) and (_rational(factor) is None):
            yield from _factors(factor, divides=divides != under)
        else:
            yield factor, divides != under


def _holds_product(term: Node) -> bool:
    """Whether a term is a product with a sum in it."""
    return isinstance(term, Product) and any(
        isinstance(factor, Sum) and len(factor.terms) > 1 and not divides
        for factor, divides in _factors(term)
    )


def _is_complex(node: Node) -> bool:
    return isinstance(node, Sum) and len(node.terms) > 1 and "i" in all_names(node)


class _Rational(Fold[Fraction]):
    """The value of literals with signs, fraction bars and whole powers; else UnreadableError."""

    def number(self, node: Number) -> Fraction:
        return node.value

    def sum(self, node: Sum) -> Fraction:
        if any(len(sign) != 1 for sign, _ in node.terms):
            return self.other(node)
        return sum((int(f"{sign}1") * self.visit(term) for sign, term in node.terms), Fraction(0))

    def product(self, node: Product) -> Fraction:
        total = Fraction(1)
        for factor, divides in node.factors:
            value = self.visit(factor)
            total = total / value if divides else total * value
        return total

    def power(self, node: Power) -> Fraction:
        base, exponent = self.visit(node.base), self.visit(node.exponent)
        if exponent.denominator != 1:
            return self.other(node)
        bits = base.numerator.bit_length() + base.denominator.bit_length()
        # What a long power is does not matter, only that it is rational.
        return base if abs(exponent) * bits > _MAX_BITS else Fraction(base**exponent.numerator)


_RATIONAL = _Rational()


def _rational(node: Node) -> Fraction | None:
    """The value of a tree of literals; None for others."""
    try:
        return _RATIONAL.visit(node)
    except (UnreadableError, ZeroDivisionError):
        return None
