r"""Integrals and sums of polynomials, written out as the values they have: exact, without sympy.

Covers: `\int_a^b f(x) dx` and `\sum_{k=a}^{n} f(k)` where f is a polynomial in the running name,
whatever else stands in it, the ends included.
Does not cover: other functions; `approximate` and the symbolic stage know more of them.
"""

from __future__ import annotations

from fractions import Fraction
from math import comb

from mindspeed_rl_ext.verifiers.equivalence.reading.substitution import substituted
from mindspeed_rl_ext.verifiers.equivalence.reading.tree import (
    Fold,
    Node,
    Number,
    Power,
    Product,
    Sum,
    Symbol,
    UnreadableError,
    symbols,
)

MAX_DEGREE = 12


def degree(node: Node, name: str) -> int | None:
    """The degree of a polynomial in a name, at most MAX_DEGREE; None for what is none.

    Example:
        >>> degree(Power(Symbol("x"), Number(Fraction(3))), "x"), degree(Symbol("y"), "x")
        (3, 0)
    """
    try:
        return _Degree(name).visit(node)
    except UnreadableError:
        return None


class _Degree(Fold[int]):
    """The degree in a name; UnreadableError for what is no polynomial in it."""

    def __init__(self, name: str) -> None:
        self._name = name

    def visit(self, node: Node) -> int:
        if self._name not in symbols(node):
            return 0
        found = super().visit(node)
        return found if found <= MAX_DEGREE else self.other(node)

    def symbol(self, node: Symbol) -> int:
        return 1

    def sum(self, node: Sum) -> int:
        if any(len(sign) != 1 for sign, _ in node.terms):
            return self.other(node)
        return max(self.visit(term) for _, term in node.terms)

    def product(self, node: Product) -> int:
        degrees = [(self.visit(factor), divides) for factor, divides in node.factors]
        if any(found and divides for found, divides in degrees):
            return self.other(node)
        return sum(found for found, _ in degrees)

    def power(self, node: Power) -> int:
        exponent = node.exponent
        if not isinstance(exponent, Number) or exponent.value.denominator != 1:
            return self.other(node)
        if not 0 <= exponent.value <= MAX_DEGREE:
            return self.other(node)
        return self.visit(node.base) * exponent.value.numerator


def integral(body: Node, name: str, low: Node, high: Node, order: int) -> Node:
    """The integral of a polynomial, by a rule that is exact for its degree.

    Args:
        body: the polynomial.
        name: the running name.
        low: the lower end.
        high: the upper end.
        order: the degree.
    """
    length = Sum((("+", high), ("-", low)))
    terms = []
    for k, weight in enumerate(_weights(order)):
        share = Number(Fraction(k, max(order, 1)))
        point = Sum((("+", low), ("+", Product(((length, False), (share, False))))))
        value = substituted(body, name, point)
        terms.append(("+", Product(((Number(weight), False), (value, False)))))
    return Product(((length, False), (Sum(tuple(terms)), False)))


def finite_sum(body: Node, name: str, first: int, last: Node, order: int) -> Node:
    """The sum of a polynomial over whole numbers up to any end, by its differences at the start.

    Args:
        body: the polynomial.
        name: the running name.
        first: the first value of the name.
        last: the last one, such as `n`.
        order: the degree.
    """
    values = [substituted(body, name, Number(Fraction(first + k))) for k in range(order + 1)]
    count = Sum((("+", last), ("-", Number(Fraction(first - 1)))))
    terms = []
    for k in range(order + 1):
        signs = ["-" if (k - j) % 2 else "+" for j in range(k + 1)]
        counts = [Number(Fraction(comb(k, j))) for j in range(k + 1)]
        parts = [Product(((counts[j], False), (values[j], False))) for j in range(k + 1)]
        difference = Sum(tuple(zip(signs, parts, strict=True)))
        terms.append(("+", Product(((difference, False), (_chosen(count, k + 1), False)))))
    return Sum(tuple(terms))


def _chosen(count: Node, k: int) -> Node:
    """`count` over k, as a polynomial in whatever `count` is."""
    factors: list[tuple[Node, bool]] = []
    for j in range(k):
        factors.append((Sum((("+", count), ("-", Number(Fraction(j))))), False))
        factors.append((Number(Fraction(j + 1)), True))
    return Product(tuple(factors))


def _weights(order: int) -> list[Fraction]:
    """Of the points 0, 1/order, ..., 1: the rule that integrates polynomials of that degree."""
    weights = []
    for k in range(order + 1):
        coefficients = [Fraction(1)]
        for j in range(order + 1):
            if j != k:  # times (order * x - j) / (k - j)
                shifted = [Fraction(0), *(c * order for c in coefficients)]
                coefficients = [
                    (a - j * b) / (k - j)
                    for a, b in zip(shifted, [*coefficients, Fraction(0)], strict=True)
                ]
        weights.append(sum((c / (i + 1) for i, c in enumerate(coefficients)), Fraction(0)))
    return weights
