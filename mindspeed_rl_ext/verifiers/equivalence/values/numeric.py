r"""The numeric value of a tree, in either arithmetic of `contexts`.

Covers: elementary functions in both, definite integrals (`quadrature`) and infinite sums
(`series`) in 15 digits. What does not settle has no value; nor has what stands between numbers of
very different size, where digits hide a `+ 1`.
Does not cover: branches that authors choose differently (`(-8)^{1/3}`), `\log` without its base.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from fractions import Fraction
from functools import lru_cache
from typing import Any

from mindspeed_rl_ext.verifiers.equivalence.reading.tree import (
    Call,
    Fold,
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
from mindspeed_rl_ext.verifiers.equivalence.values.contexts import FLOATS, Context, many_digits
from mindspeed_rl_ext.verifiers.equivalence.values.quadrature import integrated
from mindspeed_rl_ext.verifiers.equivalence.values.series import limit

_MAX_DEPTH = 40
_MAX_VISITS = 100_000
_MIN_TERMS, _MAX_TERMS = 10, 400
# A term this small, when a power made it so, is followed by nothing that 11 digits show.
_NOTHING = 1e-15
# A sum this much smaller than its terms is zero in the digits that are worked out.
DIGITS_OF_ZERO = 60
_SIGNS = {"+": 1, "-": -1}
# Functions that have real values on a part of the real line only.
_NEEDS_POSITIVE = frozenset({r"\ln", r"\lg"})
_NEEDS_SMALL = frozenset({r"\arcsin", r"\arccos"})


class NoValueError(Exception):
    """The tree has no numeric value, or the digits do not settle it."""


class TooMuchError(Exception):
    """A value takes more than a moment to work out."""


_FAULTS = (ArithmeticError, ValueError, TypeError, LookupError, UnreadableError, TooMuchError)


def float_value(node: Node, *, bounded: bool = True, digits: int = FLOATS.digits) -> complex:
    """The value of a closed tree in 15 digits.

    Args:
        node: the tree.
        bounded: whether sizes that 15 digits cannot hold side by side are refused.
        digits: how many of an integral or infinite sum have to stand.

    Raises:
        NoValueError: it has none, or 15 digits do not settle it.

    Example:
        >>> abs(float_value(Call(r"\\exp", (Number(Fraction(1)),))) - math.e) < 1e-14
        True
    """
    found = _float_value(node, bounded, digits)
    if found is None:
        raise NoValueError
    return found


# A pure function: one hostile integral stands beside many references.
@lru_cache(maxsize=1024)
def _float_value(node: Node, bounded: bool, digits: int) -> complex | None:
    try:
        found = Calculator(FLOATS, bounded=bounded, settled=10.0**-digits).visit(node)
        return complex(found)
    except _FAULTS:
        return None


def exact_value(node: Node, names: Mapping[str, Fraction] | None = None) -> Any:
    """The value in DIGITS digits, as mpmath's number.

    Args:
        node: the tree.
        names: the values of its names; roots and logarithms are those of real numbers then.

    Raises:
        NoValueError: it has none, or mpmath is not installed.
    """
    context = many_digits()
    if context is None:
        raise NoValueError
    given = {name: context.number(value) for name, value in (names or {}).items()}
    try:
        return Calculator(context, given, real=names is not None).visit(node)
    except _FAULTS:
        raise NoValueError from None


class Calculator(Fold[Any]):
    """Values at given values of names.

    Args:
        context: the arithmetic.
        names: the values.
        settled: the relative error of an integral.
        left: how many more nodes may be visited, shared by all calculators of one value.
        bounded: whether sizes that the digits cannot hold side by side are refused; inside an
            integral they are harmless.
        real: whether what is not real has no value.
    """

    def __init__(
        self,
        context: Context,
        names: Mapping[str, Any] | None = None,
        *,
        settled: float = 1e-11,
        left: list[int] | None = None,
        bounded: bool = True,
        real: bool = False,
    ) -> None:
        self._context, self._names = context, names or {}
        self._settled, self._bounded, self._real = settled, bounded, real
        self._left = [_MAX_VISITS] if left is None else left
        self._depth = 0

    def visit(self, node: Node) -> Any:
        """The value of a tree; its size and depth are bounded."""
        self._left[0] -= 1
        self._depth += 1
        if self._depth > _MAX_DEPTH or self._left[0] < 0:
            raise TooMuchError
        found = super().visit(node)
        self._depth -= 1
        small, large = self._context.smallest, self._context.largest
        if self._bounded and found and not small <= abs(found) <= large:
            raise ValueError("too large or too small beside others")
        return found

    def other(self, node: Node) -> Any:
        """A structure has no value."""
        raise KeyError(type(node).__name__)

    def number(self, node: Number) -> Any:
        """The literal."""
        return self._context.number(node.value)

    def symbol(self, node: Symbol) -> Any:
        """A constant or a name that is given."""
        constants = self._context.constants
        return self._names[node.name] if node.name in self._names else constants[node.name]

    def sum(self, node: Sum) -> Any:
        """The sum; what the digits cannot tell from zero is zero."""
        terms = [_SIGNS[sign] * self.visit(term) for sign, term in node.terms]
        total = sum(terms)
        exact = self._context is not FLOATS
        if exact and abs(total) <= 10.0 ** (-DIGITS_OF_ZERO) * max(map(abs, terms)):
            return total * 0
        return total

    def product(self, node: Product) -> Any:
        """The product."""
        total = self._context.number(Fraction(1))
        for factor, divides in node.factors:
            value = self.visit(factor)
            total = total / value if divides else total * value
        return total

    def power(self, node: Power) -> Any:
        """The power, where its branch is the same for all authors."""
        base, exponent = self.visit(node.base), self.visit(node.exponent)
        whole = exponent.imag == 0 and exponent.real == int(exponent.real)
        if whole:
            return base ** int(exponent.real)
        if base.imag == 0 and base.real < 0:
            raise ValueError("a branch that authors choose differently")
        return base**exponent

    def call(self, node: Call) -> Any:
        """The value of a function."""
        arguments = [self.visit(argument) for argument in node.arguments]
        if node.name == "root":
            return self._root(arguments[0], arguments[1])
        if node.name == r"\log" and len(arguments) == 2:
            logarithm = self._function(r"\ln")
            return logarithm(arguments[1]) / logarithm(arguments[0])
        if node.name.startswith(r"\log_"):
            base = self._context.number(Fraction(int(node.name[len(r"\log_") :])))
            return self._function(r"\ln")(arguments[0]) / self._function(r"\ln")(base)
        return self._function(node.name)(*arguments)

    def _function(self, name: str) -> Any:
        function = self._context.functions[name]

        def checked(*arguments: Any) -> Any:
            value = arguments[0]
            if self._real and name in _NEEDS_POSITIVE and not value.real > 0:
                raise ValueError("a logarithm of what is not positive")
            if self._real and name in _NEEDS_SMALL and abs(value) > 1:
                raise ValueError("beyond the values of sine and cosine")
            return function(*arguments)

        return checked

    def _root(self, degree: Any, inside: Any) -> Any:
        n = int(degree.real)
        if degree.imag or n != degree.real or not 1 <= n <= 99:
            raise ValueError("no root")
        if inside.imag == 0 and inside.real < 0:
            if n % 2:
                return -((-inside) ** (self._context.number(Fraction(1)) / n))
            if n > 2 or self._real:
                raise ValueError("a branch that authors choose differently")
        if n == 2:
            return self._context.functions["sqrt"](inside)
        return inside ** (self._context.number(Fraction(1)) / n)

    def integral(self, node: Integral) -> Any:
        """The integral, in 15 digits."""
        low, high = self._end(node.low), self._end(node.high)

        def integrand(x: float) -> complex:
            return complex(self._at(node.name, x).visit(node.body))

        return integrated(integrand, low, high, self._settled)

    def series(self, node: Series) -> Any:
        """Exactly where the terms are rational; else only where they fall as a power does."""
        self._only_floats()
        try:
            return complex(limit(node))
        except ValueError:
            total, vanished = 0j, 0
            for k in range(_MAX_TERMS):
                term = self._at(node.name, node.first + k).visit(node.body)
                total += term
                vanished = vanished + 1 if abs(term) <= _NOTHING * abs(total) else 0
                if vanished == _MIN_TERMS:
                    return total
            raise ValueError("a sum that does not settle") from None

    def _only_floats(self) -> None:
        if self._context is not FLOATS:
            raise KeyError("worked out in 15 digits only")

    def _at(self, name: str, value: float) -> Calculator:
        """A calculator that knows one more name; sizes are harmless inside integrals and sums."""
        self._only_floats()
        names = {**self._names, name: complex(value)}
        return Calculator(FLOATS, names, settled=self._settled, left=self._left, bounded=False)

    def _end(self, node: Node) -> float:
        self._only_floats()
        infinity = Symbol(r"\infty")
        if node == infinity:
            return math.inf
        if isinstance(node, Sum) and [term for _, term in node.terms] == [infinity]:
            return -math.inf if node.terms[0][0] == "-" else math.inf
        found = complex(self.visit(node))
        if found.imag:
            raise ValueError("an end that is no real number")
        return found.real
