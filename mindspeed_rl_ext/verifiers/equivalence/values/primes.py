"""Primes for identities at random points: a random one, roots modulo it, factors of small numbers.

Covers: what `field` needs. Does not cover: cryptography, factors of large numbers.
"""

from __future__ import annotations

import random
from fractions import Fraction
from functools import lru_cache

from mindspeed_rl_ext.verifiers.equivalence.reading.tree import UnreadableError

NUM_PRIMES = 256
_BITS = 61
ODD_ROOTS = (3, 5, 7)
_TRIAL_LIMIT = 2000
# Deterministic for numbers below 3.3e24.
_WITNESSES = (2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41)


# A function of its argument alone: sharing it between threads changes no verdict.
@lru_cache(maxsize=NUM_PRIMES)
def large_prime(index: int) -> int:
    """One of NUM_PRIMES primes of 61 bits that leave 1 modulo 8, so that -1 and 2 have roots.

    Example:
        >>> large_prime(1) % 8
        1
    """
    source = random.Random(f"mindspeed_rl_ext {index}")
    while True:
        candidate = source.getrandbits(_BITS) | (1 << (_BITS - 1))
        candidate -= candidate % 8 - 1
        if is_prime(candidate):
            return candidate


def is_prime(number: int) -> bool:
    """Whether a number below 3.3e24 is prime.

    Example:
        >>> [n for n in range(20) if is_prime(n)]
        [2, 3, 5, 7, 11, 13, 17, 19]
    """
    if number < 2 or any(number % p == 0 and number != p for p in _WITNESSES):
        return False
    if number in _WITNESSES:
        return True
    odd, twos = number - 1, 0
    while odd % 2 == 0:
        odd, twos = odd // 2, twos + 1
    return all(_passes(number, witness, odd, twos) for witness in _WITNESSES)


def square_root(residue: int, prime: int) -> int | None:
    """A square root modulo an odd prime, or None.

    Example:
        >>> root = square_root(2, 17)
        >>> root * root % 17
        2
    """
    if residue == 0:
        return 0
    if pow(residue, (prime - 1) // 2, prime) != 1:
        return None
    odd, twos = prime - 1, 0
    while odd % 2 == 0:
        odd, twos = odd // 2, twos + 1
    other = next(n for n in range(2, 1000) if pow(n, (prime - 1) // 2, prime) != 1)
    c, x, t, m = pow(other, odd, prime), pow(residue, (odd + 1) // 2, prime), 0, twos
    t = pow(residue, odd, prime)
    while t != 1:
        i, power = 0, t
        while power != 1:
            power, i = power * power % prime, i + 1
        b = pow(c, 1 << (m - i - 1), prime)
        x, c, m = x * b % prime, b * b % prime, i
        t = t * c % prime
    return x


def small_fraction(residue: int, prime: int) -> Fraction | None:
    """The fraction of small numerator and denominator that a residue stands for, or None.

    Below a bound of 2^29 for both there is at most one.

    Example:
        >>> small_fraction(-2 * pow(3, -1, large_prime(0)) % large_prime(0), large_prime(0))
        Fraction(-2, 3)
    """
    bound = 1 << 29
    previous, rest, low, high = prime, residue, 0, 1
    while rest > bound:
        quotient = previous // rest
        previous, rest = rest, previous - quotient * rest
        low, high = high, low - quotient * high
    if not 0 < abs(high) <= bound:
        return None
    return Fraction(rest, high)


def prime_factors(number: int) -> dict[int, int]:
    """The prime factors of a positive number with their counts.

    Raises:
        UnreadableError: it has a factor that trial division does not reach.

    Example:
        >>> prime_factors(72)
        {2: 3, 3: 2}
    """
    factors: dict[int, int] = {}
    if number == 0:
        return factors
    for prime in _small_primes():
        if prime * prime > number:
            break
        while number % prime == 0:
            number //= prime
            factors[prime] = factors.get(prime, 0) + 1
    if number >= _TRIAL_LIMIT**2:
        raise UnreadableError("a root of a number too large to factor")
    if number > 1:
        factors[number] = factors.get(number, 0) + 1
    return factors


def _passes(number: int, witness: int, odd: int, twos: int) -> bool:
    power = pow(witness, odd, number)
    if power in (1, number - 1):
        return True
    for _ in range(twos - 1):
        power = power * power % number
        if power == number - 1:
            return True
    return False


# Computed once from nothing: sharing it between threads changes no verdict.
@lru_cache(maxsize=1)
def _small_primes() -> tuple[int, ...]:
    sieve = bytearray([1]) * _TRIAL_LIMIT
    for n in range(2, int(_TRIAL_LIMIT**0.5) + 1):
        if sieve[n]:
            sieve[n * n :: n] = bytes(len(range(n * n, _TRIAL_LIMIT, n)))
    return tuple(n for n in range(2, _TRIAL_LIMIT) if sieve[n])


def exact_root(value: Fraction, degree: int) -> Fraction | None:
    """The rational root of a fraction, or None; of negative ones the root of odd degree.

    Example:
        >>> exact_root(Fraction(8, 27), 3), exact_root(Fraction(2), 2)
        (Fraction(2, 3), None)
    """
    numerator = _whole_root(abs(value.numerator), degree)
    denominator = _whole_root(value.denominator, degree)
    if numerator is None or denominator is None:
        return None
    return Fraction(numerator if value >= 0 else -numerator, denominator)


def _whole_root(number: int, degree: int) -> int | None:
    """The exact root of a whole number that is not negative, or None."""
    if number < 0:
        return None
    low, high = 0, 1 << (number.bit_length() // degree + 1)
    while low < high:
        middle = (low + high) // 2
        low, high = (middle + 1, high) if middle**degree < number else (low, middle)
    return low if low**degree == number else None
