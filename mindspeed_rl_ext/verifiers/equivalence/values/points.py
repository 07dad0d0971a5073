r"""The whole numbers that exponents and angles are at a random point.

Covers: polynomials with rational coefficients in names and in `\pi`. A name is a random
multiple of SCALE, so that halves and thirds of names are whole too; what is left over is a
constant. Does not cover: quotients by names, roots, functions, `i`: None.
"""

from __future__ import annotations

import hashlib
from fractions import Fraction

from mindspeed_rl_ext.verifiers.equivalence.reading.tree import (
    Call,
    Fold,
    Node,
    Number,
    Power,
    Product,
    Sum,
    Symbol,
    UnreadableError,
)
from mindspeed_rl_ext.verifiers.equivalence.values.exact import MAX_BITS, ExactFold

SCALE = 5040
_MAX_POWER = 8
_NO_NUMBERS = frozenset({"i", r"\infty", r"\emptyset"})


def whole_point(node: Node, seed: str) -> Fraction | None:
    """What an exponent or angle is there; None where it is no such polynomial.

    Args:
        node: the tree.
        seed: fixes the point.

    Example:
        >>> n = Symbol("n")
        >>> twice = Sum((("+", n), ("+", n)))
        >>> whole_point(twice, "seed") == 2 * whole_point(n, "seed")
        True
    """
    try:
        return _WholePoint(seed).visit(node)
    except UnreadableError:
        return None


def is_positive(node: Node) -> bool:
    """Whether a tree is positive wherever its names are: only then its powers obey the rules.

    Example:
        >>> x = Symbol("x")
        >>> is_positive(Product(((x, False), (x, True)))), is_positive(Sum((("-", x),)))
        (True, False)
    """
    return _POSITIVE.visit(node)


class _Positive(Fold[bool]):
    """Whether a tree is positive, by its parts."""

    def other(self, node: Node) -> bool:
        return False

    def number(self, node: Number) -> bool:
        return node.value > 0

    def symbol(self, node: Symbol) -> bool:
        return node.name not in _NO_NUMBERS

    def sum(self, node: Sum) -> bool:
        return all(sign == "+" and self.visit(term) for sign, term in node.terms)

    def product(self, node: Product) -> bool:
        return all(self.visit(factor) for factor, _ in node.factors)

    def power(self, node: Power) -> bool:
        return self.visit(node.base) and not isinstance(node.exponent, Call)

    def call(self, node: Call) -> bool:
        return node.name == "root" and self.visit(node.arguments[1])


_POSITIVE = _Positive()


class _WholePoint(ExactFold):
    """The number that a polynomial is at the point of a seed; UnreadableError for others."""

    def __init__(self, seed: str) -> None:
        self._seed = seed

    def visit(self, node: Node) -> Fraction:
        found = super().visit(node)
        if found.numerator.bit_length() + found.denominator.bit_length() > MAX_BITS:
            raise UnreadableError("a number too long")
        return found

    def symbol(self, node: Symbol) -> Fraction:
        if node.name in _NO_NUMBERS:
            return self.other(node)
        return _of_name(node.name, self._seed)

    def product(self, node: Product) -> Fraction:
        divisors = [factor for factor, divides in node.factors if divides]
        if not all(isinstance(factor, Number) and factor.value for factor in divisors):
            return self.other(node)
        return super().product(node)

    def power(self, node: Power) -> Fraction:
        exponent = node.exponent
        if not isinstance(exponent, Number) or not 0 <= exponent.value <= _MAX_POWER:
            return self.other(node)
        return super().power(node)


def _of_name(name: str, seed: str) -> Fraction:
    digest = hashlib.sha256(f"{seed}\0point\0{name}".encode("utf-8", "replace")).digest()
    return Fraction(int.from_bytes(digest[:8], "big") * SCALE)
