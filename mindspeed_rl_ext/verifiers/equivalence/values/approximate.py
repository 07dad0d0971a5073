r"""Numbers compared by their digits, where no exact stage decides.

Covers: closed values such as `\ln 8` and `3\ln 2`, to DIGITS digits with mpmath, to 11 without it
and for integrals and infinite sums; identities with names at points of the real line, to DIGITS
digits; `6.283185307179586` for `2\pi`: at least 12 significant digits, all of them right but for
one unit in the last two.
Does not cover: `3.14` for `\pi`, nor `0.333` for `1/3`: these differ.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from fractions import Fraction

from mindspeed_rl_ext.verifiers.equivalence.reading.tree import (
    Call,
    Node,
    Number,
    Power,
    Product,
    Sum,
    children,
    symbols,
    words,
)
from mindspeed_rl_ext.verifiers.equivalence.values.contexts import DIGITS, FLOATS
from mindspeed_rl_ext.verifiers.equivalence.values.numeric import (
    NoValueError,
    exact_value,
    float_value,
)

MIN_DIGITS = 12
_SAME = 10.0**-FLOATS.digits
# Two values that are the same to DIGITS digits, and two that differ before half of them.
_SAME_EXACT, _DIFFERENT_EXACT = 10.0**-DIGITS, 10.0 ** -(DIGITS // 2)
_POINTS, _ENOUGH = 30, 4
_MAX_NAMES = 8
# Letters that count something: `\sqrt{n^2}` is n, while `\sqrt{x^2}` may be -x.
_COUNTS = frozenset("nkmN")
# Letters of physics and geometry that stand for something positive.
_POSITIVE = words(r"g h l L M G R r T \rho \hbar \ell \lambda \mu \epsilon \sigma \omega")


def is_rounding(one: Node, other: Node) -> bool:
    r"""Whether one tree is a decimal of many digits that the other, exact one rounds to.

    Example:
        >>> from mindspeed_rl_ext.verifiers.equivalence.reading.tree import Symbol
        >>> two_pi = Product(((Number(Fraction(2)), False), (Symbol(r"\pi"), False)))
        >>> is_rounding(Number(Fraction("6.283185307179586"), 16), two_pi)
        True
    """
    literal = decimal_literal(one)
    if literal is None or literal[1] < MIN_DIGITS:
        return False
    decimal, digits = float(literal[0]), literal[1]
    try:
        distance = abs(float_value(other, bounded=False) - decimal)
    except (NoValueError, OverflowError):
        return False
    return distance <= 10.0 ** (2 - min(digits, 15)) * abs(decimal)


def same_number(one: Node, other: Node) -> tuple[bool, int] | None:
    """Whether two closed values agree, and in how many digits; None where that cannot be told.

    A value of four digits is enough to tell two that differ in the second.

    Example:
        >>> two, eight = (Call(r"\\ln", (Number(Fraction(n)),)) for n in (2, 8))
        >>> same_number(eight, Sum((("+", two), ("+", two), ("+", two))))[0]
        True
        >>> same_number(two, eight)[0]
        False
    """
    try:
        a, b = exact_value(one), exact_value(other)
        size = max(abs(a), abs(b))
        if abs(a - b) <= _SAME_EXACT * size:
            return True, DIGITS
        return (False, DIGITS) if abs(a - b) > _DIFFERENT_EXACT * size else None
    except NoValueError:
        pass
    for digits, different in ((FLOATS.digits, 1e-7), (4, 0.05)):
        try:
            a, b = float_value(one, digits=digits), float_value(other, digits=digits)
        except NoValueError:
            continue
        size = max(abs(a), abs(b))
        if digits == FLOATS.digits and abs(a - b) <= _SAME * size:
            return True, digits
        return (False, digits) if abs(a - b) > different * size else None
    return None


def same_at_real_points(one: Node, other: Node) -> bool | None:
    r"""Whether two trees with names agree wherever both are real, at points of both signs.

    So `\sqrt{ab}` is `\sqrt{a}\sqrt{b}`, and `\sqrt{x^2}` is not x. Where only one of them has an
    absolute value, both have to be real at the same points.

    Example:
        >>> from mindspeed_rl_ext.verifiers.equivalence.reading.tree import Symbol
        >>> def root(node: Node) -> Node: return Call("root", (Number(Fraction(2)), node))
        >>> a, b = Symbol("a"), Symbol("b")
        >>> product = Product(((root(a), False), (root(b), False)))
        >>> same_at_real_points(root(Product(((a, False), (b, False)))), product)
        True
        >>> same_at_real_points(root(Power(a, Number(Fraction(2)))), a)
        False
    """
    names = sorted(symbols(one) | symbols(other))
    if not 0 < len(names) <= _MAX_NAMES:
        return None
    alike = _has_absolute(one) != _has_absolute(other)
    agreed = 0
    for point in _points(names):
        values = []
        for node in (one, other):
            try:
                values.append(exact_value(node, point))
            except NoValueError:
                continue
        if len(values) == 1 and alike:
            return None
        if len(values) == 2:
            size = max(map(abs, values))
            if abs(values[0] - values[1]) > _SAME_EXACT * size:
                return False
            agreed += 1
    return True if agreed >= _ENOUGH else None


def decimal_literal(node: Node) -> tuple[Fraction, int] | None:
    r"""The value of a literal such as `-1.50` or `1.5 \times 10^3`, and its digits; else None.

    Example:
        >>> decimal_literal(Sum((("-", Number(Fraction(3, 2), 3)),)))
        (Fraction(-3, 2), 3)
    """
    if isinstance(node, Number):
        return node.value, node.digits
    if isinstance(node, Sum) and len(node.terms) == 1 and len(node.terms[0][0]) == 1:
        inner = decimal_literal(node.terms[0][1])
        sign = int(f"{node.terms[0][0]}1")
        return (sign * inner[0], inner[1]) if inner else None
    if isinstance(node, Product) and len(node.factors) == 2 and not node.factors[1][1]:
        (mantissa, _), (power, _) = node.factors
        if isinstance(mantissa, Number) and isinstance(power, Power):
            scale = _power_of_ten(power)
            return (mantissa.value * scale, mantissa.digits) if scale is not None else None
    return None


def real_size(node: Node) -> float | None:
    """The value of a closed tree among the real numbers, in 15 digits; None where it has none."""
    try:
        value = float_value(node, bounded=False)
    except NoValueError:
        return None
    return value.real if abs(value.imag) <= _SAME * abs(value) else None


def _power_of_ten(node: Power) -> Fraction | None:
    exponent = decimal_literal(node.exponent)
    ten = isinstance(node.base, Number) and node.base.value == 10
    if not ten or exponent is None or exponent[0].denominator != 1 or abs(exponent[0]) > 99:
        return None
    return Fraction(10) ** exponent[0].numerator


def _points(names: list[str]) -> Iterator[dict[str, Fraction]]:
    """Fixed points: all positive, all negative, then as chance has it; small ones and larger."""
    source = random.Random(" ".join(names))
    for index in range(_POINTS):
        point = {}
        for name in names:
            if name[0] in _COUNTS:
                point[name] = Fraction(source.randint(1, 12))
                continue
            size = Fraction(source.randint(101, 999), 1009)
            if index // 3 % 2:
                size *= 5
            # All positive, all negative, or as chance has it.
            sign = (1, -1, source.choice((1, -1)))[index % 3]
            sign = 1 if name.partition("_")[0] in _POSITIVE else sign
            point[name] = sign * size
        yield point


def _has_absolute(node: Node) -> bool:
    absolute = isinstance(node, Call) and node.name == "abs"
    return absolute or any(map(_has_absolute, children(node)))
