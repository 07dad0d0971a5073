r"""A decimal of many digits beside an exact value: a rounding that no accident explains.

Covers: `6.283185307179586` for `2\pi`: at least 12 significant digits, all of them right but for
one unit in the last two. Does not cover: `3.14` for `\pi`, nor `0.333` for `1/3`: these differ.
"""

from __future__ import annotations

import cmath
import math
from collections.abc import Callable, Mapping
from fractions import Fraction

from mindspeed_rl_ext.verifiers.equivalence.tree import (
    Call,
    Node,
    Number,
    Power,
    Product,
    Sum,
    Symbol,
)

MIN_DIGITS = 12
_CONSTANTS: Mapping[str, complex] = {r"\pi": math.pi, "e": math.e, "i": 1j}
_FUNCTIONS: Mapping[str, Callable[[complex], complex]] = {
    r"\sin": cmath.sin, r"\cos": cmath.cos, r"\tan": cmath.tan, r"\ln": cmath.log,
    r"\exp": cmath.exp, "abs": abs, r"\arctan": cmath.atan, r"\arcsin": cmath.asin,
    r"\arccos": cmath.acos,
}  # fmt: skip


def is_rounding(one: Node, other: Node) -> bool:
    r"""Whether one tree is a decimal of many digits that the other, exact one rounds to.

    Example:
        >>> two_pi = Product(((Number(Fraction(2)), False), (Symbol(r"\pi"), False)))
        >>> is_rounding(Number(Fraction("6.283185307179586")), two_pi)
        True
    """
    decimal = _literal(one)
    if decimal is None:
        return False
    digits = _significant_digits(decimal)
    if digits < MIN_DIGITS:
        return False
    try:
        value = _worth(other, 40)
        wanted = float(decimal)
    except (ArithmeticError, ValueError, TypeError, KeyError):
        return False
    return abs(value - wanted) <= 10.0 ** (2 - min(digits, 15)) * abs(wanted)


def _literal(node: Node) -> Fraction | None:
    if isinstance(node, Number):
        return node.value
    if isinstance(node, Sum) and len(node.terms) == 1 and isinstance(node.terms[0][1], Number):
        return -node.terms[0][1].value if node.terms[0][0] == "-" else node.terms[0][1].value
    return None


def _significant_digits(value: Fraction) -> int:
    """Digits of a finite decimal; 0 for whole numbers and other fractions."""
    places, power = 0, 1
    while value.denominator != 1 and power % value.denominator and places < 40:
        places, power = places + 1, power * 10
    if places == 0 or power % value.denominator:
        return 0
    return len(str(abs(value.numerator * (power // value.denominator))))


def _worth(node: Node, depth: int) -> complex:
    """The value of a closed tree; raises KeyError for what has none."""
    if depth == 0:
        raise ValueError("too deep")
    if isinstance(node, Number):
        return complex(float(node.value))
    if isinstance(node, Symbol):
        return _CONSTANTS[node.name]
    if isinstance(node, Sum):
        signs = {"+": 1, "-": -1}
        return sum((signs[sign] * _worth(term, depth - 1) for sign, term in node.terms), 0j)
    if isinstance(node, Product):
        total = 1 + 0j
        for factor, divides in node.factors:
            value = _worth(factor, depth - 1)
            total = total / value if divides else total * value
        return total
    if isinstance(node, Power):
        return complex(_worth(node.base, depth - 1) ** _worth(node.exponent, depth - 1))
    if isinstance(node, Call) and node.name == "root":
        return complex(_worth(node.arguments[1], depth - 1) ** (1 / _worth(node.arguments[0], 1)))
    if isinstance(node, Call):
        return complex(_FUNCTIONS[node.name](_worth(node.arguments[0], depth - 1)))
    raise KeyError(type(node).__name__)
