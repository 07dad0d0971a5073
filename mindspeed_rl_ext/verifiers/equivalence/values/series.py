r"""Infinite sums of rational terms: Levin's u transform in exact arithmetic.

Our own, since mpmath's `nsum` sums what diverges too: it gives -1/2 for the sum of `(-1)^n`, which
is no answer, and takes as long (0.6 to 10 ms against 1.5 to 2 ms on the sums of the tests).

Covers: terms that fall, with one sign or turning ones. Does not cover: divergent sums, terms that
are not rational or become zero: ValueError.
"""

from __future__ import annotations

import math
from fractions import Fraction

from mindspeed_rl_ext.verifiers.equivalence.reading.tree import (
    Call,
    Node,
    Series,
    Symbol,
    UnreadableError,
)
from mindspeed_rl_ext.verifiers.equivalence.values.exact import ExactFold

_SETTLED = 1e-12
_MAX_TERMS = 28
# What falls more slowly than 1 over a root may not fall to zero at all.
_FALL = Fraction(4, 5)
_MAX_DEPTH = 40


def limit(node: Series) -> float:
    """The sum; two orders of the transform have to agree.

    Raises:
        ValueError: it does not settle, or its terms are not rational.

    Example:
        >>> from mindspeed_rl_ext.verifiers.equivalence.reading.reader import read
        >>> from mindspeed_rl_ext.verifiers.equivalence.reading.lexer import tokens
        >>> limit(Series("n", read(tokens("2^{-n}")), 0))
        2.0
    """
    try:
        terms = [_Term(node.name, node.first + k).visit(node.body) for k in range(_MAX_TERMS)]
    except UnreadableError as error:
        raise ValueError(str(error)) from None
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


class _Term(ExactFold):
    """The exact value of a rational term at one value of the running name."""

    def __init__(self, name: str, at: int) -> None:
        self._name, self._at = name, at
        self._depth = 0

    def visit(self, node: Node) -> Fraction:
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            raise ValueError("too deep")
        found = super().visit(node)
        self._depth -= 1
        return found

    def symbol(self, node: Symbol) -> Fraction:
        return Fraction(self._at) if node.name == self._name else self.other(node)

    def call(self, node: Call) -> Fraction:
        if node.name != "factorial":
            return self.other(node)
        value = self.visit(node.arguments[0])
        if value.denominator != 1 or not 0 <= value <= 200:
            raise ValueError("a factorial of no small whole number")
        return Fraction(math.factorial(value.numerator))
