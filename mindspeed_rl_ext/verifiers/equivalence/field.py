r"""What a tree is worth: an exact fraction where it has one, and a residue modulo a large prime.

Covers: rational functions of any symbols, square roots of fractions, `i`, powers, factorials,
binomials. A symbol becomes a random residue; a square root of a fraction becomes the product of
one fixed root for each prime in it, so that `\sqrt2\sqrt3` and `\sqrt6` agree. Such a map keeps
sums and products, hence: different residues are a proof that two trees differ, and equal ones
a proof that they are equal but for a chance below 2^-50. No floating point number is involved.
Does not cover: what `\sin`, `e^x` or a root of a sum is worth. These are opaque: the same function
of the same argument is the same, and a difference proves nothing.
"""

from __future__ import annotations

import hashlib
import math
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction

from mindspeed_rl_ext.verifiers.equivalence.primes import (
    NUM_PRIMES,
    ODD_ROOTS,
    large_prime,
    prime_factors,
    small_fraction,
    square_root,
)
from mindspeed_rl_ext.verifiers.equivalence.substitution import substituted
from mindspeed_rl_ext.verifiers.equivalence.tree import (
    Call,
    Integral,
    Node,
    Number,
    Power,
    Product,
    Series,
    Sum,
    Symbol,
    UnreadableError,
)

MAX_EXACT_BITS = 8192
MAX_FACTORIAL = 1000
MAX_CHOSEN = 30
MAX_TURNS = 10_000
TRIGONOMETRIC = frozenset({r"\sin", r"\cos", r"\tan", r"\cot"})
MAX_DEGREE = 105


class NoSquareRootError(Exception):
    """This prime lacks a root, or has too many; another prime has to be taken."""


@dataclass(frozen=True)
class Value:
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


class Field:
    """Evaluates trees at one random point modulo one large prime.

    Args:
        seed: fixes the point, so that the same pair has the same verdict anywhere.
        index: which prime.
    """

    def __init__(self, seed: str, index: int) -> None:
        self._seed, self._index = seed, index
        self.prime = large_prime(index % NUM_PRIMES)
        self._roots: dict[int, int] = {}
        # Nodes are kept beside their values: an id is only unique while its object lives.
        self._values: dict[int, tuple[Node, Value]] = {}

    def value(self, node: Node) -> Value:
        """The worth of a tree.

        Raises:
            UnreadableError: it has no worth here: a division by zero, a huge factorial, a list.
            NoSquareRootError: this prime cannot be used.
        """
        known = self._values.get(id(node))
        if known is None:
            known = (node, self._evaluate(node))
            self._values[id(node)] = known
        return known[1]

    def _evaluate(self, node: Node) -> Value:
        if isinstance(node, Number):
            return self._rational(node.value)
        if isinstance(node, Symbol):
            return self._symbol(node.name)
        if isinstance(node, Sum):
            return self._sum(node)
        if isinstance(node, Product):
            return self._product(node)
        if isinstance(node, Power):
            return self._power(self.value(node.base), self.value(node.exponent))
        if isinstance(node, Call):
            return self._call(node)
        if isinstance(node, (Integral, Series)):
            return self._bound(node)
        raise UnreadableError(f"a {type(node).__name__.lower()} where a value is expected")

    def _bound(self, node: Integral | Series) -> Value:
        """An integral or infinite sum, known by its parts; the running name does not count."""
        body = self.value(substituted(node.body, node.name, Symbol("running name")))
        if isinstance(node, Series):
            return self._opaque("series", body, self._rational(Fraction(node.first)))
        return self._opaque("integral", body, self.value(node.low), self.value(node.high))

    def elsewhere(self, attempt: int) -> Field:
        """Another point modulo the same prime."""
        return Field(f"{self._seed} {attempt}", self._index)

    def _rational(self, value: Fraction) -> Value:
        residue = value.numerator * self._inverse(value.denominator) % self.prime
        small = value.numerator.bit_length() + value.denominator.bit_length() <= MAX_EXACT_BITS
        return Value(residue, value if small else None)

    def _symbol(self, name: str) -> Value:
        if name == "i":
            return Value(self._root_of(-1))
        if name in (r"\infty", r"\emptyset"):
            return Value(self._hash("symbol", name), opaque=True)
        return Value(self._hash("symbol", name))

    def _sum(self, node: Sum) -> Value:
        total = Value(0, Fraction(0))
        for sign, term in node.terms:
            if sign not in "+-":
                raise UnreadableError("a sign of plus or minus where one value is expected")
            value = self.value(term)
            if sign == "-":
                value = self._negative(value)
            residue = (total.residue + value.residue) % self.prime
            total = self._combine(residue, operator.add, total, value)
        return total

    def _product(self, node: Product) -> Value:
        total = Value(1, Fraction(1))
        for factor, divides in node.factors:
            value = self.value(factor)
            if divides:
                value = self._reciprocal(value)
            residue = total.residue * value.residue % self.prime
            total = self._combine(residue, operator.mul, total, value)
        return total

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

    def _power(self, base: Value, exponent: Value) -> Value:
        if exponent.exact is None:
            return self._opaque("power", base, exponent)
        if exponent.exact.denominator == 1:
            return self._whole_power(base, exponent.exact.numerator)
        if exponent.exact.denominator == 2:
            return self._whole_power(self._square_root(base), exponent.exact.numerator)
        if base.exact is not None and base.exact > 0 and exponent.exact.denominator <= 64:
            root = _exact_root(base.exact, exponent.exact.denominator)
            if root is not None:
                return self._whole_power(self._rational(root), exponent.exact.numerator)
        degree = _odd_degree(exponent.exact.denominator)
        if degree and exponent.exact.denominator == degree:
            return self._whole_power(self._odd_root(base, degree), exponent.exact.numerator)
        return self._opaque("power", base, exponent)

    def _odd_root(self, inside: Value, degree: int) -> Value:
        """The one root there is, as among the real numbers."""
        exact = None if inside.exact is None else _exact_root(inside.exact, degree)
        if exact is not None:
            return self._rational(exact)
        if math.gcd(degree, self.prime - 1) != 1:
            raise NoSquareRootError  # several roots, or none, modulo this prime
        residue = pow(inside.residue, pow(degree, -1, self.prime - 1), self.prime)
        return Value(residue, None, inside.opaque, inside.branched)

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

    def _call(self, node: Call) -> Value:
        arguments = [self.value(argument) for argument in node.arguments]
        exact = [argument.exact for argument in arguments]
        if node.name == "root":
            return self._root(arguments[0], arguments[1])
        if node.name == "abs" and exact[0] is not None:
            return self._rational(abs(exact[0]))
        if node.name in ("floor", "ceil") and exact[0] is not None:
            rounding = math.floor if node.name == "floor" else math.ceil
            return self._rational(Fraction(rounding(exact[0])))
        if node.name == "binom" and exact[0] is None:
            return self._binomial(arguments[0], exact[1])
        if node.name == "factorial" and exact[0] is None:
            return self._factorial(node.arguments[0])
        if node.name in ("factorial", "binom"):
            return self._rational(Fraction(_counted(node.name, exact)))
        if node.name in _SEVERAL:
            return self._rational(_SEVERAL[node.name](exact))
        if node.name == r"\exp":
            return self._power(self._symbol("e"), arguments[0])
        if node.name in TRIGONOMETRIC:
            value = self._trigonometric(node.name, arguments[0])
            if value is not None:
                return value
        return self._opaque(node.name, *arguments)

    def _trigonometric(self, name: str, angle: Value) -> Value | None:
        r"""Multiples of `\pi/12`; None for other angles."""
        turn = angle.residue * self._inverse(self._symbol(r"\pi").residue) % self.prime
        part = small_fraction(turn, self.prime)
        if angle.opaque or part is None or 12 % part.denominator or abs(part) > MAX_TURNS:
            return None
        k = int(part * 12)
        cosine, sine = self._cosine(k), self._cosine(k - 6)
        if name == r"\cos":
            return cosine
        if name == r"\sin":
            return sine
        over, under = (sine, cosine) if name == r"\tan" else (cosine, sine)
        return self._times(over, self._reciprocal(under))

    def _cosine(self, k: int) -> Value:
        r"""Of `k \pi / 12`."""
        k = abs(k) % 24
        k = min(k, 24 - k)
        if k > 6:
            return self._negative(self._cosine(12 - k))
        if k in (0, 4, 6):
            return self._rational(Fraction({0: 2, 4: 1, 6: 0}[k], 2))
        roots = {1: ((6, 1), (2, 1)), 2: ((3, 2),), 3: ((2, 2),), 5: ((6, 1), (2, -1))}[k]
        total = Value(0, Fraction(0))
        for number, times in roots:
            term = self._times(
                self._square_root(self._rational(Fraction(number))),
                self._rational(Fraction(times, 4)),
            )
            residue = (total.residue + term.residue) % self.prime
            total = self._combine(residue, operator.add, total, term)
        return total

    def _times(self, a: Value, b: Value) -> Value:
        return self._combine(a.residue * b.residue % self.prime, operator.mul, a, b)

    def _binomial(self, top: Value, bottom: Fraction | None) -> Value:
        r"""`\binom{n}{2}` as the polynomial it is."""
        if bottom is None or bottom.denominator != 1 or not 0 <= bottom <= MAX_CHOSEN:
            raise UnreadableError("a binomial that is no polynomial")
        residue = 1
        for k in range(bottom.numerator):
            residue = residue * (top.residue - k) * self._inverse(k + 1) % self.prime
        return Value(residue, None, top.opaque, top.branched)

    def _factorial(self, node: Node) -> Value:
        """`(n+1)!` as `(n+1) n!`: what is added to a name multiplies the name's factorial."""
        terms = node.terms if isinstance(node, Sum) else (("+", node),)
        shift = sum(
            int(f"{sign}1") * term.value.numerator
            for sign, term in terms
            if isinstance(term, Number) and term.value.denominator == 1 and len(sign) == 1
        )
        if abs(shift) > MAX_CHOSEN:
            raise UnreadableError("a factorial far from its name's")
        start = self.value(node).residue - shift
        found = self._opaque("factorial", Value(start % self.prime))
        residue = found.residue
        for k in range(1, shift + 1):
            residue = residue * (start + k) % self.prime
        for k in range(shift + 1, 1):
            residue = residue * self._inverse(start + k) % self.prime
        return Value(residue, None, opaque=True)

    def _root(self, degree: Value, inside: Value) -> Value:
        if degree.exact == 2:
            return self._square_root(inside)
        if degree.exact is None or degree.exact.denominator != 1 or degree.exact < 2:
            raise UnreadableError("a root whose degree is no whole number above one")
        return self._power(inside, self._rational(1 / degree.exact))

    def _opaque(self, name: str, *arguments: Value) -> Value:
        words = [str(argument.residue) for argument in arguments]
        return Value(self._hash(name, *words), opaque=True)

    def _hash(self, *words: str) -> int:
        text = "\0".join((self._seed, *words)).encode("utf-8", "replace")
        return int.from_bytes(hashlib.sha256(text).digest()[:16], "big") % self.prime


def _known(values: list[Fraction | None]) -> list[Fraction]:
    known = [value for value in values if value is not None]
    if len(known) != len(values):
        raise UnreadableError("a choice among unknown values")
    return known


def _divisor(values: list[Fraction | None]) -> Fraction:
    if any(value.denominator != 1 for value in _known(values)):
        raise UnreadableError("a divisor of what are no whole numbers")
    return Fraction(math.gcd(*(value.numerator for value in _known(values))))


_SEVERAL: Mapping[str, Callable[[list[Fraction | None]], Fraction]] = {
    r"\max": lambda values: max(_known(values)),
    r"\min": lambda values: min(_known(values)),
    r"\gcd": _divisor,
}


def _counted(name: str, arguments: list[Fraction | None]) -> int:
    numbers = []
    for argument in arguments:
        if argument is None or argument.denominator != 1:
            raise UnreadableError(f"a {name} of something that is no whole number")
        if not 0 <= argument <= MAX_FACTORIAL:
            raise UnreadableError(f"a {name} beyond {MAX_FACTORIAL}")
        numbers.append(argument.numerator)
    return math.factorial(numbers[0]) if name == "factorial" else math.comb(*numbers)


def _odd_degree(number: int) -> int:
    """The number, where it has no prime factors but ODD_ROOTS; else 0."""
    rest = number
    for prime in ODD_ROOTS:
        while rest % prime == 0:
            rest //= prime
    return number if rest == 1 and number <= MAX_DEGREE else 0


def _exact_root(value: Fraction, degree: int) -> Fraction | None:
    """The rational root of odd degree, or None."""
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
