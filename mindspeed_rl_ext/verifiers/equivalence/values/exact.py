"""The exact value of trees of rational numbers: signs, products, fraction bars, whole powers.

Covers: the arithmetic that other folds add names or functions to; products of square roots. Does
not cover: anything else, which raises UnreadableError.
"""

from __future__ import annotations

from fractions import Fraction

from mindspeed_rl_ext.verifiers.equivalence.reading.tree import (
    Call,
    Fold,
    Node,
    Number,
    Power,
    Product,
    Sum,
    UnreadableError,
)

MAX_BITS = 4096


class _ProductFold(Fold[Fraction]):
    """What multiplies with its factors: a value, and a value times its size."""

    def product(self, node: Product) -> Fraction:
        """Factors; ZeroDivisionError where one that divides is 0."""
        total = Fraction(1)
        for factor, divides in node.factors:
            value = self.visit(factor)
            total = total / value if divides else total * value
        return total


class ExactFold(_ProductFold):
    """Exact values; a fold that knows more kinds of nodes overrides or adds their methods.

    Example:
        >>> half = Product(((Number(Fraction(1)), False), (Number(Fraction(2)), True)))
        >>> ExactFold().visit(Sum((("+", half), ("-", half))))
        Fraction(0, 1)
    """

    def number(self, node: Number) -> Fraction:
        """A literal."""
        return node.value

    def sum(self, node: Sum) -> Fraction:
        """Terms with one sign each."""
        if any(len(sign) != 1 for sign, _ in node.terms):
            return self.other(node)
        return sum((int(f"{sign}1") * self.visit(term) for sign, term in node.terms), Fraction(0))

    def power(self, node: Power) -> Fraction:
        """A whole power of bounded length."""
        base, exponent = self.visit(node.base), self.visit(node.exponent)
        if not base and exponent <= 0:
            return self.other(node)
        bits = base.numerator.bit_length() + base.denominator.bit_length()
        if exponent.denominator != 1:
            return self.other(node)
        return self.too_long(base) if abs(exponent) * bits > MAX_BITS else base**exponent.numerator

    def too_long(self, base: Fraction) -> Fraction:
        """What stands for a power that is too long to work out."""
        raise UnreadableError("a power too long to work out")


_EXACT = ExactFold()


def exact_value(node: Node) -> Fraction | None:
    """The value of a tree of literals; None for others.

    Example:
        >>> from mindspeed_rl_ext.verifiers.equivalence.reading.tree import Symbol
        >>> exact_value(Number(Fraction(2))), exact_value(Symbol("x"))
        (Fraction(2, 1), None)
    """
    try:
        return _EXACT.visit(node)
    except (UnreadableError, ZeroDivisionError):
        return None


class _SignedSquare(_ProductFold):
    """A value times its size, for products of rational numbers and square roots of them."""

    def number(self, node: Number) -> Fraction:
        return node.value * abs(node.value)

    def sum(self, node: Sum) -> Fraction:
        if len(node.terms) != 1 or len(node.terms[0][0]) != 1:
            return self.other(node)
        sign, term = node.terms[0]
        return int(f"{sign}1") * self.visit(term)

    def call(self, node: Call) -> Fraction:
        if node.name != "root" or node.arguments[0] != _TWO:
            return self.other(node)
        inside = exact_value(node.arguments[1])
        return self.other(node) if inside is None or inside < 0 else inside


_TWO = Number(Fraction(2))
_SIGNED_SQUARE = _SignedSquare()


def signed_square(node: Node) -> Fraction | None:
    """The value times its size, where that is rational; equal for equal values only.

    Example:
        >>> root = Call("root", (Number(Fraction(2)), Number(Fraction(8))))
        >>> signed_square(Sum((("-", root),)))
        Fraction(-8, 1)
    """
    try:
        return _SIGNED_SQUARE.visit(node)
    except (UnreadableError, ZeroDivisionError):
        return None
