r"""Whole numbers that exponents and angles are worth at a random point.

Covers: polynomials with rational coefficients in names and in `\pi`. A name is worth a random
multiple of SCALE, so that halves and thirds of names are whole too; what is left over is a
constant. Does not cover: quotients by names, roots, functions, `i`: None.
"""

from __future__ import annotations

import hashlib
from fractions import Fraction

from mindspeed_rl_ext.verifiers.equivalence.reading.tree import (
    Call,
    Node,
    Number,
    Power,
    Product,
    Sum,
    Symbol,
)

SCALE = 5040
_MAX_BITS = 4096
_MAX_POWER = 8
_NO_NUMBERS = frozenset({"i", r"\infty", r"\emptyset"})


def whole_point(node: Node, seed: str) -> Fraction | None:
    """What an exponent or angle is worth; None where it is no such polynomial.

    Args:
        node: the tree.
        seed: fixes the point.

    Example:
        >>> n = Symbol("n")
        >>> twice = Sum((("+", n), ("+", n)))
        >>> whole_point(twice, "seed") == 2 * whole_point(n, "seed")
        True
    """
    found: Fraction | None = None
    if isinstance(node, Number):
        found = node.value
    elif isinstance(node, Symbol):
        found = None if node.name in _NO_NUMBERS else _of_name(node.name, seed)
    elif isinstance(node, Sum):
        found = _sum(node, seed)
    elif isinstance(node, Product):
        found = _product(node, seed)
    elif isinstance(node, Power):
        found = _power(node, seed)
    if found is None or found.numerator.bit_length() + found.denominator.bit_length() > _MAX_BITS:
        return None
    return found


def is_positive(node: Node) -> bool:
    """Whether a tree is positive wherever its names are: only then its powers obey the rules.

    Example:
        >>> x = Symbol("x")
        >>> is_positive(Product(((x, False), (x, True)))), is_positive(Sum((("-", x),)))
        (True, False)
    """
    if isinstance(node, Number):
        return node.value > 0
    if isinstance(node, Symbol):
        return node.name not in _NO_NUMBERS
    if isinstance(node, Sum):
        return all(sign == "+" and is_positive(term) for sign, term in node.terms)
    if isinstance(node, Product):
        return all(is_positive(factor) for factor, _ in node.factors)
    if isinstance(node, Power):
        return is_positive(node.base) and not (isinstance(node.exponent, Call))
    return isinstance(node, Call) and node.name == "root" and is_positive(node.arguments[1])


def _of_name(name: str, seed: str) -> Fraction:
    digest = hashlib.sha256(f"{seed}\0point\0{name}".encode("utf-8", "replace")).digest()
    return Fraction(int.from_bytes(digest[:8], "big") * SCALE)


def _sum(node: Sum, seed: str) -> Fraction | None:
    total = Fraction(0)
    for sign, term in node.terms:
        value = whole_point(term, seed)
        if value is None or len(sign) != 1:
            return None
        total += value if sign == "+" else -value
    return total


def _product(node: Product, seed: str) -> Fraction | None:
    total = Fraction(1)
    for factor, divides in node.factors:
        value = whole_point(factor, seed)
        if value is None or (divides and (not isinstance(factor, Number) or not value)):
            return None
        total = total / value if divides else total * value
    return total


def _power(node: Power, seed: str) -> Fraction | None:
    base, exponent = whole_point(node.base, seed), node.exponent
    if base is None or not isinstance(exponent, Number) or exponent.value.denominator != 1:
        return None
    return base**exponent.value.numerator if 0 <= exponent.value <= _MAX_POWER else None
