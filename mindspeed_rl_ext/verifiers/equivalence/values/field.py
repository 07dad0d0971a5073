"""The value of a tree at one random point modulo one large prime.

Two trees that have the same value there are the same mathematics, but for a chance below 2^-50;
integers modulo a prime are exact, so no size of a coefficient hides a difference.
Covers: every tree that is one value. Does not cover: structures; `compare` does.
"""

from __future__ import annotations

from fractions import Fraction

from mindspeed_rl_ext.verifiers.equivalence.reading.substitution import substituted
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
from mindspeed_rl_ext.verifiers.equivalence.values.functions import Functions
from mindspeed_rl_ext.verifiers.equivalence.values.residues import NoSquareRootError, Value

__all__ = ["Field", "NoSquareRootError", "Value"]


class Field(Functions, Fold[Value]):
    """Evaluates trees at one random point modulo one large prime.

    Args:
        seed: fixes the point, so that the same pair has the same verdict anywhere.
        index: which prime.
    """

    def __init__(self, seed: str, index: int) -> None:
        super().__init__(seed, index)
        # Nodes are kept beside their values: an id is only unique while its object lives.
        self._values: dict[int, tuple[Node, Value]] = {}

    def value(self, node: Node) -> Value:
        """The value of a tree.

        Raises:
            UnreadableError: it has no value here: a division by zero, a huge factorial, a list.
            NoSquareRootError: this prime cannot be used.
        """
        known = self._values.get(id(node))
        if known is None:
            known = (node, self.visit(node))
            self._values[id(node)] = known
        return known[1]

    def number(self, node: Number) -> Value:
        """The literal."""
        return self._rational(node.value)

    def symbol(self, node: Symbol) -> Value:
        """A constant, or the point that a name stands for."""
        return self._name_value(node.name)

    def power(self, node: Power) -> Value:
        """A power; with a name above it is one at a point."""
        return self._raised(node)

    def call(self, node: Call) -> Value:
        """The value of a function."""
        return self._function_value(node)

    def integral(self, node: Integral) -> Value:
        """An integral, known by its parts; the running name does not count."""
        return self._opaque("integral", self._body(node), *map(self.value, (node.low, node.high)))

    def series(self, node: Series) -> Value:
        """An infinite sum, known by its terms and its start."""
        return self._opaque("series", self._body(node), self._rational(Fraction(node.first)))

    def _body(self, node: Integral | Series) -> Value:
        return self.value(substituted(node.body, node.name, Symbol("running name")))

    def elsewhere(self, attempt: int) -> Field:
        """Another point modulo the same prime."""
        return Field(f"{self._seed} {attempt}", self._index)

    def sum(self, node: Sum) -> Value:
        """The sum of signed terms."""
        total = Value(0, Fraction(0))
        for sign, term in node.terms:
            if sign not in "+-":
                raise UnreadableError("a sign of plus or minus where one value is expected")
            value = self.value(term)
            if sign == "-":
                value = self._negative(value)
            total = self._plus(total, value)
        return total

    def product(self, node: Product) -> Value:
        """The product of factors."""
        total = Value(1, Fraction(1))
        for factor, divides in node.factors:
            value = self.value(factor)
            if divides:
                value = self._reciprocal(value)
            total = self._times(total, value)
        return total
