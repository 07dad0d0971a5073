r"""Infinite sums of rational terms: Levin's u transform in exact arithmetic.

Covers: terms that fall, with one sign or turning ones. Does not cover: divergent sums, terms that
are not rational or become zero: ValueError or KeyError.
"""

from __future__ import annotations

import math
from fractions import Fraction

from mindspeed_rl_ext.verifiers.equivalence.reading.tree import (
    Call,
    Node,
    Number,
    Power,
    Product,
    Series,
    Sum,
    Symbol,
)

_SETTLED = 1e-12
_MAX_TERMS = 28
# What falls more slowly than 1 over a root may not fall to zero at all.
_FALL = Fraction(4, 5)
_MAX_DEPTH = 40
_MAX_BITS = 4000


def limit(node: Series) -> float:
    """The sum; two orders of the transform have to agree.

    Raises:
        ValueError: it does not settle.
        KeyError: its terms are not rational.

    Example:
        >>> half = Power(Number(Fraction(2)), Sum((("-", Symbol("n")),)))
        >>> limit(Series("n", half, 0))
        2.0
    """
    terms = [_term(node.body, node.name, node.first + k, _MAX_DEPTH) for k in range(_MAX_TERMS)]
    if not terms[-1] or not terms[-2]:
        raise ValueError("terms that are zero")
    if not abs(terms[-1]) < _FALL * abs(terms[_MAX_TERMS // 2]):
        raise ValueError("terms that do not fall")
    sums = [sum(terms[: k + 1], Fraction(0)) for k in range(_MAX_TERMS)]
    one, two = (_levin(terms, sums, order) for order in (_MAX_TERMS - 5, _MAX_TERMS - 2))
    if abs(one - two) > _SETTLED * (1e-3 + abs(two)):
        raise ValueError("a sum that does not settle")
    return two


def _levin(terms: list[Fraction], sums: list[Fraction], order: int) -> float:
    over = under = Fraction(0)
    for j in range(order + 1):
        if terms[j] == 0:
            raise ValueError("a term that is zero")
        weight = (-1) ** j * math.comb(order, j) * Fraction(j + 1) ** (order - 2) / terms[j]
        over += weight * sums[j]
        under += weight
    return float(over / under)


def _term(node: Node, name: str, at: int, depth: int) -> Fraction:
    """The exact value of a rational term; raises KeyError for any other."""
    if depth == 0:
        raise ValueError("too deep")
    if isinstance(node, Number):
        return node.value
    if isinstance(node, Symbol):
        return Fraction({name: at}[node.name])
    if isinstance(node, Sum):
        signs = {"+": 1, "-": -1}
        return sum(
            (signs[sign] * _term(t, name, at, depth - 1) for sign, t in node.terms), Fraction(0)
        )
    if isinstance(node, Product):
        total = Fraction(1)
        for factor, divides in node.factors:
            value = _term(factor, name, at, depth - 1)
            total = total / value if divides else total * value
        return total
    if isinstance(node, Power):
        base = _term(node.base, name, at, depth - 1)
        exponent = _term(node.exponent, name, at, depth - 1)
        bits = base.numerator.bit_length() + base.denominator.bit_length()
        if exponent.denominator != 1 or abs(exponent) * bits > _MAX_BITS:
            raise ValueError("a power that is not rational, or too long")
        return base**exponent.numerator
    if isinstance(node, Call) and node.name == "factorial":
        return _factorial(_term(node.arguments[0], name, at, depth - 1))
    raise KeyError(type(node).__name__)


def _factorial(value: Fraction) -> Fraction:
    if value.denominator != 1 or not 0 <= value <= 200:
        raise ValueError("a factorial of no small whole number")
    return Fraction(math.factorial(value.numerator))
