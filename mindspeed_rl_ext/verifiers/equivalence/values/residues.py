"""Values modulo a large prime, exact fractions beside them where they are of bounded size.

Covers: sums, products, powers with rational exponents, roots. Does not cover: trees and functions;
`functions` and `field` do.
"""

from __future__ import annotations

import hashlib
import math
import operator
from collections.abc import Callable
from fractions import Fraction
from typing import NamedTuple

from mindspeed_rl_ext.verifiers.equivalence.reading.tree import UnreadableError
from mindspeed_rl_ext.verifiers.equivalence.values.primes import (
    NUM_PRIMES,
    ODD_ROOTS,
    exact_root,
    large_prime,
    prime_factors,
    square_root,
)

MAX_EXACT_BITS = 8192
MAX_DEGREE = 105


class NoSquareRootError(Exception):
    """This prime lacks a root, or has too many; another prime has to be taken."""


class Value(NamedTuple):
    """The worth of a tree.

    Args:
        residue: modulo the field's prime.
        exact: the fraction, where it is one of bounded size.
        opaque: whether something was involved whose differences prove nothing.
        branched: whether one of two square roots was taken, so that one point proves nothing.
    """

    residue: int
    exact: Fraction | None = None
    opaque: bool = False
    branched: bool = False


class Residues:
    """Arithmetic at one random point modulo one large prime.

    Args:
        seed: fixes the point, so that the same pair has the same verdict anywhere.
        index: which prime.
    """

    def __init__(self, seed: str, index: int) -> None:
        self._seed, self._index = seed, index
        self.prime = large_prime(index % NUM_PRIMES)
        self._roots: dict[int, int] = {}

    def _rational(self, value: Fraction) -> Value:
        residue = value.numerator * self._inverse(value.denominator) % self.prime
        small = value.numerator.bit_length() + value.denominator.bit_length() <= MAX_EXACT_BITS
        return Value(residue, value if small else None)

    def _combine(
        self, residue: int, operation: Callable[[Fraction, Fraction], Fraction], a: Value, b: Value
    ) -> Value:
        exact = None
        if a.exact is not None and b.exact is not None:
            exact = operation(a.exact, b.exact)
            if exact.numerator.bit_length() + exact.denominator.bit_length() > MAX_EXACT_BITS:
                exact = None
        return Value(residue, exact, a.opaque or b.opaque, a.branched or b.branched)

    def _negative(self, value: Value) -> Value:
        exact = None if value.exact is None else -value.exact
        return Value(-value.residue % self.prime, exact, value.opaque, value.branched)

    def _reciprocal(self, value: Value) -> Value:
        if value.exact == 0:
            raise UnreadableError("a division by zero")
        exact = None if value.exact is None else 1 / value.exact
        return Value(self._inverse(value.residue), exact, value.opaque, value.branched)

    def _inverse(self, residue: int) -> int:
        if residue % self.prime == 0:
            raise UnreadableError("a division by zero")
        return pow(residue, -1, self.prime)

    def _plus(self, a: Value, b: Value) -> Value:
        return self._combine((a.residue + b.residue) % self.prime, operator.add, a, b)

    def _times(self, a: Value, b: Value) -> Value:
        return self._combine(a.residue * b.residue % self.prime, operator.mul, a, b)

    def _power(self, base: Value, exponent: Value) -> Value:
        if exponent.exact is None:
            return self._opaque("power", base, exponent)
        if exponent.exact.denominator == 1:
            return self._whole_power(base, exponent.exact.numerator)
        if exponent.exact.denominator == 2:
            return self._whole_power(self._square_root(base), exponent.exact.numerator)
        if base.exact is not None and base.exact > 0 and exponent.exact.denominator <= 64:
            root = exact_root(base.exact, exponent.exact.denominator)
            if root is not None:
                return self._whole_power(self._rational(root), exponent.exact.numerator)
        degree = _odd_degree(exponent.exact.denominator)
        if degree and exponent.exact.denominator == degree:
            return self._whole_power(self._odd_root(base, degree), exponent.exact.numerator)
        return self._opaque("power", base, exponent)

    def _whole_power(self, base: Value, exponent: int) -> Value:
        if exponent <= 0 and base.residue == 0:
            raise UnreadableError("zero to a power that is not positive")
        residue = pow(base.residue, exponent, self.prime)
        exact = None
        if base.exact is not None:
            bits = base.exact.numerator.bit_length() + base.exact.denominator.bit_length()
            if abs(base.exact) <= 1 and base.exact.denominator == 1:
                exact = base.exact ** (2 - exponent % 2)
            elif bits * abs(exponent) <= MAX_EXACT_BITS:
                exact = base.exact**exponent
        return Value(residue, exact, base.opaque, base.branched)

    def _odd_root(self, inside: Value, degree: int) -> Value:
        """The one root there is, as among the real numbers."""
        exact = None if inside.exact is None else exact_root(inside.exact, degree)
        if exact is not None:
            return self._rational(exact)
        if math.gcd(degree, self.prime - 1) != 1:
            raise NoSquareRootError  # several roots, or none, modulo this prime
        residue = pow(inside.residue, pow(degree, -1, self.prime - 1), self.prime)
        return Value(residue, None, inside.opaque, inside.branched)

    def _square_root(self, inside: Value) -> Value:
        if inside.exact is None:
            return self._some_square_root(inside)
        if inside.exact == 0:
            return inside
        product = abs(inside.exact.numerator) * inside.exact.denominator
        outside, residue = 1, 1
        free = 1
        for factor, count in prime_factors(product).items():
            outside *= factor ** (count // 2)
            if count % 2:
                residue = residue * self._root_of(factor) % self.prime
                free *= factor
        scale = Fraction(outside, inside.exact.denominator)
        if inside.exact >= 0 and free == 1:
            return self._rational(scale)
        if inside.exact < 0:
            residue = residue * self._root_of(-1) % self.prime
        return Value(residue * self._rational(scale).residue % self.prime)

    def _some_square_root(self, inside: Value) -> Value:
        r"""One of both roots, taken by chance: `\sqrt{x}^2` is `x`, but `\sqrt{x^2}` may not be."""
        root = square_root(inside.residue, self.prime)
        if root is None:
            raise NoSquareRootError
        if self._hash("branch", str(inside.residue)) % 2:
            root = -root % self.prime
        return Value(root, None, True, True)

    def _root_of(self, number: int) -> int:
        """One fixed square root of a prime or of -1."""
        if number not in self._roots:
            root = square_root(number % self.prime, self.prime)
            if root is None:
                raise NoSquareRootError
            self._roots[number] = root
        return self._roots[number]

    def _opaque(self, name: str, *arguments: Value) -> Value:
        words = [str(argument.residue) for argument in arguments]
        return Value(self._hash(name, *words), opaque=True)

    def _hash(self, *words: str) -> int:
        text = "\0".join((self._seed, *words)).encode("utf-8", "replace")
        return int.from_bytes(hashlib.sha256(text).digest()[:16], "big") % self.prime


def _odd_degree(number: int) -> int:
    """The number, where it has no prime factors but ODD_ROOTS; else 0."""
    rest = number
    for prime in ODD_ROOTS:
        while rest % prime == 0:
            rest //= prime
    return number if rest == 1 and number <= MAX_DEGREE else 0
