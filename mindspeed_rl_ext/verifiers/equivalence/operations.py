r"""The operations that a tree leaves undone, by their kinds.

Covers: one function per kind of node, in a table; what only two answers together show
(`is_division`). Does not cover: operations that the reader works out itself, such as determinants,
which only the tokens show (`evaluated`); what an answer may leave undone.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Hashable, Iterator, Mapping
from fractions import Fraction
from typing import Any

from mindspeed_rl_ext.verifiers.equivalence.reading.tree import (
    Call,
    Integral,
    Node,
    Number,
    Power,
    Product,
    Relation,
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
from mindspeed_rl_ext.verifiers.equivalence.values.exact import ExactFold

Kinds = frozenset[str]
NO_KINDS: Kinds = frozenset()
_ARITHMETIC, _ROOT = frozenset({"arithmetic"}), frozenset({"root"})
_SQUARE = "a square under a root"
_COMBINATORICS = words("factorial factorial2 binom")
_NOT_FUNCTIONS = words("root factorial factorial2 binom cross bracket setminus cap mod")
# A larger factor that can be taken out of a root is a step left out, a smaller one a form.
_SMALL_FACTOR = 10
_LARGEST_FACTOR = 1000
# Halves, quarters, fifths, eighths and tenths are written as they are said.
_EVERYDAY = frozenset({1, 2, 4, 5, 8, 10})


def kinds_in(node: Node | None, *, strict: bool = False) -> Kinds:
    """The kinds of operations in a tree that are left undone.

    Example:
        >>> two = Number(Fraction(2))
        >>> sorted(kinds_in(Sum((("+", two), ("+", two)))))
        ['arithmetic']
    """
    if node is None:
        return NO_KINDS
    inside = (kinds_in(inner, strict=strict) for inner in children(node))
    own = _OWN_KINDS.get(type(node))
    found = own(node) if own else NO_KINDS
    if strict and isinstance(node, Product) and _is_unreduced(node):
        found |= {"fraction"}
    return found.union(*inside)


def is_division(prediction: Node | None, reference: Node | None) -> bool:
    """Whether a fraction stands for a decimal that has to be worked out, as 57/160 does.

    Halves and the like, and fractions written in tenths, are read off.
    """
    prediction, reference = _last_side(prediction), _last_side(reference)
    if prediction is None or not _is_decimal(reference):
        return False
    value = _rational(prediction)
    if value is None or _is_decimal(prediction):
        return False
    if value.denominator in _EVERYDAY or _is_power_of_ten(Fraction(value.denominator)):
        return False
    return not any(
        isinstance(factor, Number) and divides and _is_power_of_ten(factor.value)
        for product in _products(prediction)
        for factor, divides in product.factors
    )


def _last_side(node: Node | None) -> Node | None:
    """The value of `x = 3/20`."""
    return node.sides[-1] if isinstance(node, Relation) and set(node.signs) == {"="} else node


def _is_decimal(node: Node | None) -> bool:
    if isinstance(node, Sum) and len(node.terms) == 1:
        return _is_decimal(node.terms[0][1])
    return isinstance(node, Number) and node.value.denominator != 1


def _is_power_of_ten(value: Fraction) -> bool:
    return value.denominator == 1 and str(value.numerator).strip("0") == "1"


def _products(node: Node) -> Iterator[Product]:
    if isinstance(node, Product):
        yield node
    for inner in children(node):
        yield from _products(inner)


def _of_sum(node: Sum) -> Kinds:
    terms = list(_terms(node))
    if sum(_rational(term) is not None for term in terms) > 1:
        return _ARITHMETIC
    if max(Counter(map(_monomial, terms)).values()) > 1:
        return _ARITHMETIC  # `x + 3x`
    # `4(r+1) - 6(r-2)` is neither expanded nor factored.
    kinds = {"expansion"} if sum(map(_holds_product, terms)) > 1 else set()
    if sum(map(_is_quotient_of_functions, terms)) > 1:
        kinds.add("a sum of quotients")
    return frozenset(kinds)


def _of_power(node: Power) -> Kinds:
    ten = isinstance(node.base, Number) and node.base.value == 10
    base, exponent = _rational(node.base), _rational(node.exponent)
    if exponent is None or symbols(node.base):
        return NO_KINDS
    if exponent.denominator != 1:
        return _ROOT
    return NO_KINDS if ten or base is None else _ARITHMETIC


def _of_product(node: Product) -> Kinds:
    factors = list(_factors(node))
    over = [f for f, divides in factors if not divides and _rational(f) is not None]
    under = [f for f, divides in factors if divides and _rational(f) is not None]
    powers = [f for f in over if isinstance(f, Power) and isinstance(f.base, Number)]
    scientific = len(over) == 2 and len(powers) == 1 and not under
    if (len(over) > 1 and not scientific) or len(under) > 1:
        return _ARITHMETIC
    if not symbols(node) and any(_is_complex(factor) for factor, _ in factors):
        return _ARITHMETIC
    roots = [factor for factor, divides in factors if divides and isinstance(factor, Call)]
    whole = [value for value in map(_whole, over) if value is not None]
    if any(math.gcd(value, _taken_out(root)) > 1 for value in whole for root in roots):
        return frozenset({_SQUARE})  # `\frac{3}{\sqrt{27}}`
    return NO_KINDS


def _is_unreduced(node: Product) -> bool:
    """Whether a product is a fraction of literals that can be reduced, or has decimals in it."""
    over = [factor for factor, divides in node.factors if not divides]
    under = [factor for factor, divides in node.factors if divides]
    literal = all(isinstance(factor, Number) for factor in (*over, *under))
    if not literal or not len(over) == len(under) == 1:
        return False
    numerator, denominator = _whole(over[0]), _whole(under[0])
    if numerator is None or denominator is None:
        return True
    return math.gcd(numerator, denominator) != 1 or denominator == 1


def _of_call(node: Call) -> Kinds:
    if symbols(node):
        return NO_KINDS
    if node.name == "root":
        if isinstance(node.arguments[1], Call) and node.arguments[1].name == "root":
            return _ROOT | {"a root of a root"}
        return _ROOT | {_SQUARE} if _taken_out(node) > _SMALL_FACTOR else _ROOT
    if node.name in _COMBINATORICS:
        return frozenset({"combinatorics"})
    if node.name == "mod":
        given, modulus = map(_rational, node.arguments)
        reduced = given is not None and modulus is not None and 0 <= given < modulus
        return NO_KINDS if reduced else frozenset({"modulus"})
    return NO_KINDS if node.name in _NOT_FUNCTIONS else frozenset({"function"})


_OWN_KINDS: Mapping[type, Callable[[Any], Kinds]] = {
    Sum: _of_sum,
    Product: _of_product,
    Power: _of_power,
    Call: _of_call,
    Integral: lambda _: frozenset({"integral"}),
    Series: lambda _: frozenset({"sum"}),
}


def _whole(node: Node) -> int | None:
    value = _rational(node)
    return value.numerator if value is not None and value.denominator == 1 else None


def _taken_out(node: Call) -> int:
    """The largest whole number that can be taken out of a root of a whole number; else 1."""
    if node.name != "root":
        return 1
    degree, inside = map(_whole, node.arguments)
    if degree is None or inside is None or not 2 <= degree <= _SMALL_FACTOR or inside < 4:
        return 1
    largest = min(_LARGEST_FACTOR, math.isqrt(inside))
    return next((s for s in range(largest, 1, -1) if inside % s**degree == 0), 1)


def _terms(node: Sum) -> Iterator[Node]:
    r"""The terms of a sum, those of sums among them too, whatever `\cdot 1` stands beside them."""
    for _, term in node.terms:
        inner = _without_ones(term)
        if isinstance(inner, Sum):
            yield from _terms(inner)
        else:
            yield inner


def _without_ones(node: Node) -> Node:
    one = Number(Fraction(1))
    if not isinstance(node, Product):
        return node
    kept = [pair for pair in node.factors if pair[0] != one]
    return kept[0][0] if len(kept) == 1 and not kept[0][1] else node


def _factors(node: Product, *, divides: bool = False) -> Iterator[tuple[Node, bool]]:
    """The factors of a product, those of products among them too, but not of fractions."""
    for factor, under in node.factors:
        if isinstance(factor, Product) and (_rational(factor) is None):
            yield from _factors(factor, divides=divides != under)
        else:
            yield factor, divides != under


def _monomial(term: Node) -> Hashable:
    """What like terms have in common: their factors with exponents, without numbers."""
    found: Counter[Node] = Counter()
    for factor, divides in _factors(Product(((term, False),))):
        base, exponent = factor, 1
        if isinstance(factor, Power) and isinstance(whole := _whole(factor.exponent), int):
            base, exponent = factor.base, whole
        if _rational(factor) is None:
            found[base] += -exponent if divides else exponent
    return frozenset(found.items())


def _holds_product(term: Node) -> bool:
    """Whether a term is a product with a sum in it."""
    return isinstance(term, Product) and any(
        isinstance(factor, Sum) and len(factor.terms) > 1 and not divides
        for factor, divides in _factors(term)
    )


def _is_quotient_of_functions(term: Node) -> bool:
    """Whether a term is divided by a function of names."""
    return isinstance(term, Product) and any(
        divides and any(call.name[0] == "\\" and symbols(call) for call in calls(factor))
        for factor, divides in _factors(term)
    )


def _is_complex(node: Node) -> bool:
    return isinstance(node, Sum) and len(node.terms) > 1 and "i" in all_names(node)


class _Literals(ExactFold):
    """What a long power is does not matter, only that it is rational."""

    def too_long(self, base: Fraction) -> Fraction:
        return base


_LITERALS = _Literals()


def _rational(node: Node) -> Fraction | None:
    """The value of a tree of literals; None for others."""
    if isinstance(node, (Symbol, Call)):
        return None
    try:
        return _LITERALS.visit(node)
    except (UnreadableError, ZeroDivisionError):
        return None
