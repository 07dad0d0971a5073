"""The exact value of a literal.

Covers: whole numbers, decimals, exponents, decimals whose digits repeat, all as fractions.
Does not cover: signs, bases.
"""

from __future__ import annotations

from fractions import Fraction

from mindspeed_rl_ext.verifiers.equivalence.reading.tree import UnreadableError, is_digits

MAX_EXPONENT = 4000
MAX_REPEATING = 60


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


def written_digits(text: str) -> int:
    """The significant digits of a decimal or of a literal with an exponent; 0 for whole numbers.

    Example:
        >>> written_digits("0.0120"), written_digits("1.5e3"), written_digits("12")
        (3, 2, 0)
    """
    if is_digits(text):
        return 0
    mantissa = text.lower().partition("e")[0].replace(".", "")
    return len(mantissa.lstrip("0"))


def repeating(text: str) -> Fraction | None:
    """The value of a decimal that is said to go on; None where its digits do not repeat.

    One digit has to stand three times, or be all of the decimals; more digits twice.

    Example:
        >>> repeating("0.333"), repeating("0.1666"), repeating("3.14159")
        (Fraction(1, 3), Fraction(1, 6), None)
    """
    whole, point, decimals = text.partition(".")
    if not point or not is_digits(decimals) or len(decimals) > MAX_REPEATING:
        return None
    for length in range(1, len(decimals) // 2 + 1):
        period = decimals[-length:]
        times = 0
        while decimals[: len(decimals) - times * length].endswith(period):
            times += 1
        if times >= 3 or (times == 2 and (length > 1 or len(decimals) == 2)):
            before = decimals[: len(decimals) - times * length]
            tail = Fraction(int(period), (10**length - 1) * 10 ** len(before))
            return Fraction(int(whole or 0)) + Fraction(int(before or 0), 10 ** len(before)) + tail
    return None
