r"""Numbers as a calculator of 15 digits compares them, where no exact stage decides.

Covers: `6.283185307179586` for `2\pi`: at least 12 significant digits, all of them right but for
one unit in the last two; closed values such as `\ln 8` and `3\ln 2`, integrals and infinite sums.
Does not cover: `3.14` for `\pi`, nor `0.333` for `1/3`: these differ.
"""

from __future__ import annotations

from fractions import Fraction

from mindspeed_rl_ext.verifiers.equivalence.reading.tree import Node, Number, Sum
from mindspeed_rl_ext.verifiers.equivalence.values.worth import NoWorthError, worth

MIN_DIGITS = 12
_SAME = 1e-11


def is_rounding(one: Node, other: Node) -> bool:
    r"""Whether one tree is a decimal of many digits that the other, exact one rounds to.

    Example:
        >>> from mindspeed_rl_ext.verifiers.equivalence.reading.tree import Product, Symbol
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
        return abs(worth(other, bounded=False) - float(decimal)) <= 10.0 ** (
            2 - min(digits, 15)
        ) * abs(float(decimal))
    except (NoWorthError, OverflowError):
        return False


def same_worth(one: Node, other: Node) -> bool | None:
    """Whether two closed values agree in 11 digits; None where that cannot be said.

    A worth of four digits is enough to tell two values that differ in the second.

    Example:
        >>> from mindspeed_rl_ext.verifiers.equivalence.reading.tree import Call
        >>> two, eight = (Call(r"\\ln", (Number(Fraction(n)),)) for n in (2, 8))
        >>> same_worth(eight, Sum((("+", two), ("+", two), ("+", two)))), same_worth(two, eight)
        (True, False)
    """
    for digits, other_value in ((11, 1e-7), (4, 0.05)):
        try:
            a, b = worth(one, digits=digits), worth(other, digits=digits)
        except NoWorthError:
            continue
        size = max(abs(a), abs(b))
        if digits == 11 and abs(a - b) <= _SAME * size:
            return True
        return False if abs(a - b) > other_value * size else None
    return None


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
