"""The exact value of a literal.

Covers: whole numbers, decimals, exponents, all as fractions. Does not cover: signs, bases.
"""

from __future__ import annotations

from fractions import Fraction

from mindspeed_rl_ext.verifiers.equivalence.reading.tree import UnreadableError, is_digits

MAX_EXPONENT = 4000


def exact(text: str) -> Fraction:
    """The exact value of a literal, decimals and exponents included.

    Raises:
        UnreadableError: its exponent is beyond MAX_EXPONENT.

    Example:
        >>> exact("1.5e-1")
        Fraction(3, 20)
    """
    if is_digits(text):
        return Fraction(int(text))
    mantissa, _, exponent = text.lower().partition("e")
    if len(exponent) > len(str(MAX_EXPONENT)) + 1 or abs(int(exponent or 0)) > MAX_EXPONENT:
        raise UnreadableError("an exponent beyond what is read")
    whole, _, decimals = mantissa.partition(".")
    value = Fraction(int(whole + decimals or 0), 10 ** len(decimals))
    return value * Fraction(10) ** int(exponent or 0)
