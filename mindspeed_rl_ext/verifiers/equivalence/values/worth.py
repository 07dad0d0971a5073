r"""The numerical worth of closed trees: what a calculator of 15 digits says of them.

Covers: elementary functions, definite integrals (`quadrature`), infinite sums (`series`). What
does not settle has no worth; nor has what stands between numbers of very different size: 15
digits hide a `+ 1` there.
Does not cover: free variables, branches that authors choose differently (`(-8)^{1/3}`, `\log`).
"""

from __future__ import annotations

import cmath
import math
from collections.abc import Callable, Mapping
from functools import lru_cache

from mindspeed_rl_ext.verifiers.equivalence.reading.tree import (
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
from mindspeed_rl_ext.verifiers.equivalence.values.quadrature import integrated
from mindspeed_rl_ext.verifiers.equivalence.values.series import limit

_CONSTANTS: Mapping[str, complex] = {r"\pi": math.pi, "e": math.e, "i": 1j}
_FUNCTIONS: Mapping[str, Callable[[complex], complex]] = {
    r"\sin": cmath.sin, r"\cos": cmath.cos, r"\tan": cmath.tan, r"\ln": cmath.log,
    r"\exp": cmath.exp, "abs": abs, r"\arctan": cmath.atan, r"\arcsin": cmath.asin,
    r"\arccos": cmath.acos, r"\sinh": cmath.sinh, r"\cosh": cmath.cosh, r"\tanh": cmath.tanh,
    r"\sec": lambda z: 1 / cmath.cos(z), r"\csc": lambda z: 1 / cmath.sin(z),
    r"\cot": lambda z: cmath.cos(z) / cmath.sin(z), r"\lg": cmath.log10,
}  # fmt: skip
_MAX_DEPTH = 40
# Beyond these a sum may hide a term from 15 digits.
_SMALLEST, _LARGEST = 1e-4, 1e7
_MAX_VISITS = 100_000
_MIN_TERMS, _MAX_TERMS = 10, 400
# A term this small, when a power made it so, is followed by nothing that 11 digits show.
_NOTHING = 1e-15
Names = Mapping[str, complex]


class NoWorthError(Exception):
    """The tree has no worth that 15 digits can tell."""


def worth(node: Node, *, bounded: bool = True, digits: int = 11) -> complex:
    """The value of a closed tree.

    Args:
        node: the tree.
        bounded: whether sizes that 15 digits cannot hold side by side are refused.
        digits: how many of an integral or infinite sum have to stand.

    Raises:
        NoWorthError: it has none, or 15 digits do not settle it.

    Example:
        >>> from fractions import Fraction
        >>> abs(worth(Call(r"\\exp", (Number(Fraction(1)),))) - math.e) < 1e-14
        True
    """
    found = _worth(node, bounded, digits)
    if found is None:
        raise NoWorthError
    return found


# A pure function: one hostile integral stands beside many references.
@lru_cache(maxsize=1024)
def _worth(node: Node, bounded: bool, digits: int) -> complex | None:
    try:
        calculator = _Calculator({}, 10.0**-digits, [_MAX_VISITS], bounded=bounded)
        return calculator.value(node, _MAX_DEPTH)
    except (ArithmeticError, ValueError, TypeError, LookupError, UnreadableError, TooMuchError):
        return None


class TooMuchError(Exception):
    """A value takes more than a moment to work out."""


class _Calculator:
    """Values at given values of names.

    Args:
        names: the values.
        settled: the relative error of an integral.
        left: how many more nodes may be visited, shared by all calculators of one value.
        bounded: whether sizes that 15 digits cannot hold side by side are refused; inside an
            integral they are harmless.
    """

    def __init__(
        self, names: Names, settled: float, left: list[int], *, bounded: bool = True
    ) -> None:
        self._names, self._settled, self._bounded, self._left = names, settled, bounded, left

    def value(self, node: Node, depth: int) -> complex:
        self._left[0] -= 1
        if depth == 0 or self._left[0] < 0:
            raise TooMuchError
        found = self._value(node, depth - 1)
        if self._bounded and found and not _SMALLEST <= abs(found) <= _LARGEST:
            raise ValueError("too large or too small beside others")
        return found

    def _value(self, node: Node, depth: int) -> complex:
        if isinstance(node, Number):
            return complex(float(node.value))
        if isinstance(node, Symbol):
            return _CONSTANTS[node.name] if node.name in _CONSTANTS else self._names[node.name]
        if isinstance(node, Sum):
            signs = {"+": 1, "-": -1}
            return sum((signs[sign] * self.value(t, depth) for sign, t in node.terms), 0j)
        if isinstance(node, Product):
            total = 1 + 0j
            for factor, divides in node.factors:
                value = self.value(factor, depth)
                total = total / value if divides else total * value
            return total
        if isinstance(node, Power):
            return _power(self.value(node.base, depth), self.value(node.exponent, depth))
        if isinstance(node, Call):
            return self._call(node, depth)
        if isinstance(node, Integral):
            return self._integral(node, depth)
        if isinstance(node, Series):
            return self._series(node, depth)
        raise KeyError(type(node).__name__)

    def _call(self, node: Call, depth: int) -> complex:
        arguments = [self.value(argument, depth) for argument in node.arguments]
        if node.name == "root":
            return _root(arguments[0], arguments[1])
        if node.name == "factorial" and arguments[0].imag == 0:
            return complex(math.factorial(_whole(arguments[0], 20)))
        if node.name.startswith(r"\log_"):
            base = node.name[len(r"\log_") :]
            return cmath.log(arguments[0]) / math.log(int(base))
        return complex(_FUNCTIONS[node.name](arguments[0]))

    def _integral(self, node: Integral, depth: int) -> complex:
        low, high = (self._end(end, depth) for end in (node.low, node.high))

        def integrand(x: float) -> complex:
            return self._at(node.name, x).value(node.body, depth)

        return integrated(integrand, low, high, self._settled)

    def _series(self, node: Series, depth: int) -> complex:
        """Exactly where the terms are rational; else only where they fall as a power does."""
        try:
            return complex(limit(node))
        except (KeyError, ValueError):
            total, vanished = 0j, 0
            for k in range(_MAX_TERMS):
                term = self._at(node.name, node.first + k).value(node.body, depth)
                total += term
                vanished = vanished + 1 if abs(term) <= _NOTHING * abs(total) else 0
                if vanished == _MIN_TERMS:
                    return total
            raise ValueError("a sum that does not settle") from None

    def _at(self, name: str, value: float) -> _Calculator:
        """A calculator that knows one more name; sizes are harmless inside integrals and sums."""
        names = {**self._names, name: complex(value)}
        return _Calculator(names, self._settled, self._left, bounded=False)

    def _end(self, node: Node, depth: int) -> float:
        infinity = Symbol(r"\infty")
        if node == infinity:
            return math.inf
        if isinstance(node, Sum) and [term for _, term in node.terms] == [infinity]:
            return -math.inf if node.terms[0][0] == "-" else math.inf
        found = self.value(node, depth)
        if found.imag:
            raise ValueError("an end that is no real number")
        return found.real


def _whole(value: complex, most: int) -> int:
    if value.real != int(value.real) or not 0 <= value.real <= most:
        raise ValueError("no small whole number")
    return int(value.real)


def _power(base: complex, exponent: complex) -> complex:
    whole = exponent.imag == 0 and exponent.real == int(exponent.real)
    if not whole and base.imag == 0 and base.real < 0:
        raise ValueError("a branch that authors choose differently")
    return base ** int(exponent.real) if whole else base**exponent


def _root(degree: complex, inside: complex) -> complex:
    n = _whole(degree, 99)
    if n < 1:
        raise ValueError("no root")
    if n % 2 and inside.imag == 0 and inside.real < 0:
        return -((-inside) ** (1 / n))
    if n > 2 and inside.imag == 0 and inside.real < 0:
        raise ValueError("a branch that authors choose differently")
    return cmath.sqrt(inside) if n == 2 else inside ** (1 / n)
