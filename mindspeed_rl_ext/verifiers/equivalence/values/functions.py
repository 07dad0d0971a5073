r"""Functions and names at a random point: trigonometry, logarithms, powers with names above.

Covers: identities of `\sin` to `\csc` in any angles, of exponentials and logarithms of positive
bases, factorials, binomials. An exponent or angle is a whole number of its own, drawn at random for
each name, so that `2^{m+n}` is `2^m 2^n` and `\sin 2x` is `2 \sin x \cos x` there.
Does not cover: other functions, whose values are random numbers of their arguments.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from fractions import Fraction

from mindspeed_rl_ext.verifiers.equivalence.reading.tree import (
    Call,
    Node,
    Number,
    Power,
    Product,
    Sum,
    Symbol,
    UnreadableError,
    all_names,
    symbols,
)
from mindspeed_rl_ext.verifiers.equivalence.values.points import SCALE, is_positive, whole_point
from mindspeed_rl_ext.verifiers.equivalence.values.primes import prime_factors, small_fraction
from mindspeed_rl_ext.verifiers.equivalence.values.residues import Residues, Value

MAX_FACTORIAL = 1000
MAX_CHOSEN = 30
MAX_TURNS = 10_000
_SECOND = {r"\sec": r"\cos", r"\csc": r"\sin"}
HYPERBOLIC = frozenset({r"\sinh", r"\cosh", r"\tanh"})
TRIGONOMETRIC = frozenset({r"\sin", r"\cos", r"\tan", r"\cot", *_SECOND})
_E = Symbol("e")
_ONE = Number(Fraction(1))


class Functions(Residues):
    """The values of calls, names and powers with names."""

    def value(self, node: Node) -> Value:
        """The value of a tree; `field.Field` knows."""
        raise NotImplementedError

    def _name_value(self, name: str) -> Value:
        if name == "i":
            return Value(self._root_of(-1))
        if name in (r"\infty", r"\emptyset"):
            return Value(self._hash("symbol", name), opaque=True)
        return Value(self._hash("symbol", name))

    def _function_value(self, node: Call) -> Value:
        arguments = [self.value(argument) for argument in node.arguments]
        exact = [argument.exact for argument in arguments]
        if node.name == "root":
            return self._root(arguments[0], arguments[1])
        if node.name == "abs" and exact[0] is not None:
            return self._rational(abs(exact[0]))
        if node.name == "abs":
            return self._opaque("abs", self._times(arguments[0], arguments[0]))
        if node.name in ("floor", "ceil") and exact[0] is not None:
            rounding = math.floor if node.name == "floor" else math.ceil
            return self._rational(Fraction(rounding(exact[0])))
        if node.name == "bracket":
            whole = exact[0] is not None and exact[0].denominator == 1
            return arguments[0] if whole else self._opaque("bracket", arguments[0])
        if node.name == "cross":
            return self._cross(arguments[0], arguments[1])
        if node.name == "binom" and (exact[0] is None or exact[1] is None):
            return self._binomial(node, arguments[0], arguments[1])
        if node.name == "factorial2" and exact[0] is not None:
            return self._rational(_every_second(exact[0]))
        if node.name == "factorial" and exact[0] is None:
            return self._factorial(node.arguments[0])
        fraction = exact[0] is not None and exact[0].denominator != 1
        if node.name == "factorial" and fraction:
            return self._opaque("factorial", arguments[0])
        if node.name in ("factorial", "binom"):
            return self._rational(Fraction(_counted(node.name, exact)))
        if node.name in _SEVERAL:
            return self._rational(_SEVERAL[node.name](exact))
        if node.name == r"\exp":
            return self._raised(Power(_E, node.arguments[0]))
        if node.name in TRIGONOMETRIC:
            found = self._trigonometric(node.name, node.arguments[0])
            if found is not None:
                return found
        if node.name in HYPERBOLIC:
            return self._hyperbolic(node.name, node.arguments[0])
        if node.name == r"\ln":
            return self._logarithm(node.arguments[0])
        if node.name == r"\log" and len(node.arguments) == 2:
            base, inside = map(self._logarithm, node.arguments)
            return self._times(inside, self._reciprocal(base))
        if node.name.partition("_")[0] == r"\log":
            return self._based_logarithm(node)
        if node.name == r"\lg":
            return self._based_logarithm(Call(r"\log_10", node.arguments))
        return self._opaque(node.name, *arguments)

    def _raised(self, node: Power) -> Value:
        base, exponent = self.value(node.base), self.value(node.exponent)
        if exponent.exact is None:
            if node.base == _E and isinstance(node.exponent, Call) and node.exponent.name == r"\ln":
                return self.value(node.exponent.arguments[0])
            found = self._power_at_point(node, base)
            if found is not None:
                return found
        return self._power(base, exponent)

    def _power_at_point(self, node: Power, base: Value) -> Value | None:
        """`a^{n}` for a positive a, n being a whole number; None for others."""
        point = whole_point(node.exponent, self._seed) if is_positive(node.base) else None
        if point is None or base.residue == 0:
            return None
        whole = math.floor(point)
        rest = self._power(base, self._rational(point - whole))
        residue = pow(base.residue, whole % (self.prime - 1), self.prime)
        return self._times(Value(residue, None, base.opaque, base.branched), rest)

    def _logarithm(self, node: Node) -> Value:
        r"""`\ln` of a product is the sum of those of its factors, down to prime numbers."""
        if isinstance(node, Number) and node.value > 0:
            return self._logarithm_of_number(node.value)
        if node == _E:
            return self._rational(Fraction(1))
        if isinstance(node, Product) and is_positive(node):
            total = self._rational(Fraction(0))
            for factor, divides in node.factors:
                part = self._logarithm(factor)
                total = self._plus(total, self._negative(part) if divides else part)
            return total
        if isinstance(node, Power) and is_positive(node.base):
            return self._times(self.value(node.exponent), self._logarithm(node.base))
        if isinstance(node, Call) and node.name == "root" and is_positive(node.arguments[1]):
            degree = self._reciprocal(self.value(node.arguments[0]))
            return self._times(degree, self._logarithm(node.arguments[1]))
        value = self.value(node)
        if value.exact is not None and value.exact > 0:
            return self._logarithm_of_number(value.exact)
        return self._opaque(r"\ln", value)

    def _logarithm_of_number(self, number: Fraction) -> Value:
        total = self._rational(Fraction(0))
        for part, sign in ((number.numerator, 1), (number.denominator, -1)):
            try:
                factors = prime_factors(part)
            except UnreadableError:
                return self._opaque(r"\ln", self._rational(number))
            for prime, count in factors.items():
                residue = sign * count * self._hash("logarithm", str(prime)) % self.prime
                total = self._plus(total, Value(residue))
        return total

    def _based_logarithm(self, node: Call) -> Value:
        inside = self._logarithm(node.arguments[0])
        base = node.name.partition("_")[2]
        if base.isascii() and base.isdigit() and 1 < int(base) < 1000:
            under = self._logarithm_of_number(Fraction(int(base)))
            return self._times(inside, self._reciprocal(under))
        if base == "e":
            return inside
        # Without its base a logarithm may be either; only quotients of two are certain.
        return self._times(inside, self._reciprocal(self._opaque("base of logarithms " + base)))

    def _trigonometric(self, name: str, node: Node) -> Value | None:
        """Of an angle `x + c \\pi`: from the point on the circle of x, turned."""
        angle = self._turned(node)
        if angle is None or (angle[0] and not symbols(node)):
            return None  # such as `\\pi/7`, which has identities of its own
        point, turns = angle
        scaled = point * SCALE
        if scaled.denominator != 1 or (12 * turns).denominator != 1:
            return None
        k = int(12 * turns)
        cosine, sine = self._cosine(k), self._cosine(k - 6)
        if point:
            around = pow(self._hash("circle"), int(scaled) % (self.prime - 1), self.prime)
            back, half = self._inverse(around), self._inverse(2)
            x = Value((around + back) * half % self.prime)
            y = Value((around - back) * half * self._inverse(self._root_of(-1)) % self.prime)
            turned = (
                self._plus(self._times(x, cosine), self._negative(self._times(y, sine))),
                self._plus(self._times(x, sine), self._times(y, cosine)),
            )
            cosine, sine = turned
            if r"\pi" in all_names(node):
                cosine, sine = (Value(v.residue, None, opaque=True) for v in turned)
        return self._of_angle(name, cosine, sine)

    def _of_angle(self, name: str, cosine: Value, sine: Value) -> Value:
        if name in (r"\cos", r"\sin"):
            return cosine if name == r"\cos" else sine
        if name in _SECOND:
            return self._reciprocal(cosine if name == r"\sec" else sine)
        over, under = (sine, cosine) if name == r"\tan" else (cosine, sine)
        return self._times(over, self._reciprocal(under))

    def _turned(self, node: Node) -> tuple[Fraction, Fraction] | None:
        r"""An angle as a whole number and a multiple of `\pi`; None where it is neither."""
        if isinstance(node, Sum):
            total, turns = Fraction(0), Fraction(0)
            for sign, term in node.terms:
                part = self._turned(term)
                if part is None or len(sign) != 1:
                    return None
                factor = int(f"{sign}1")
                total, turns = total + factor * part[0], turns + factor * part[1]
            return total, turns
        turn = self._turn(node)
        if turn is not None:
            return Fraction(0), turn
        point = whole_point(node, self._seed)
        return None if point is None else (point, Fraction(0))

    def _turn(self, node: Node) -> Fraction | None:
        r"""The multiple of `\pi/12` that an angle is, in turns of `\pi`."""
        angle = self.value(node)
        if angle.exact == 0:
            return Fraction(0)
        if angle.opaque or symbols(node):
            return None
        turn = angle.residue * self._inverse(self._name_value(r"\pi").residue) % self.prime
        part = small_fraction(turn, self.prime)
        if part is None or 12 % part.denominator or abs(part) > MAX_TURNS:
            return None
        return part

    def _hyperbolic(self, name: str, node: Node) -> Value:
        rising = self._raised(Power(_E, node))
        falling = self._reciprocal(rising)
        half = self._rational(Fraction(1, 2))
        cosine = self._times(half, self._plus(rising, falling))
        sine = self._times(half, self._plus(rising, self._negative(falling)))
        if name == r"\tanh":
            return self._times(sine, self._reciprocal(cosine))
        return cosine if name == r"\cosh" else sine

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
            total = self._plus(total, term)
        return total

    def _cross(self, one: Value, other: Value) -> Value:
        """Of two vectors: another sign in the other order."""
        a, b = (
            [self._hash(f"component {i}", str(v.residue)) for i in range(2)] for v in (one, other)
        )
        return Value((a[0] * b[1] - a[1] * b[0]) % self.prime, opaque=True)

    def _binomial(self, node: Call, top: Value, below: Value) -> Value:
        r"""`\binom{n}{2}` as the polynomial it is, `\binom{n}{k}` by factorials."""
        bottom = below.exact
        if bottom is None or bottom.denominator != 1 or not 0 <= bottom <= MAX_CHOSEN:
            n, k = node.arguments
            rest = Sum((("+", n), ("-", k)))
            under = self._times(self._factorial(k), self._factorial(rest))
            return self._times(self._factorial(n), self._reciprocal(under))
        residue = 1
        for i in range(bottom.numerator):
            residue = residue * (top.residue - i) * self._inverse(i + 1) % self.prime
        return Value(residue, None, top.opaque, top.branched)

    def _factorial(self, node: Node) -> Value:
        """`(n+1)!` as `(n+1) n!`: what is added to a name multiplies the name's factorial."""
        known = self.value(node).exact
        if known is not None:
            return self._rational(Fraction(_counted("factorial", [known])))
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


def _every_second(number: Fraction) -> Fraction:
    """`5!!` is 5 times 3 times 1."""
    if number.denominator != 1 or not 0 <= number <= MAX_FACTORIAL:
        raise UnreadableError(f"a double factorial beyond {MAX_FACTORIAL}")
    return Fraction(math.prod(range(number.numerator, 0, -2)))


def _multiple(values: list[Fraction | None]) -> Fraction:
    if any(value.denominator != 1 for value in _known(values)):
        raise UnreadableError("a multiple of what are no whole numbers")
    return Fraction(math.lcm(*(value.numerator for value in _known(values))))


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
    r"\lcm": _multiple,
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
