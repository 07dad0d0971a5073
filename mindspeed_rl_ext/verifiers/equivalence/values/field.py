"""The worth of a tree at one random point modulo one large prime.

Two trees that are worth the same there are the same mathematics, but for a chance below 2^-50;
integers modulo a prime are exact, so no size of a coefficient hides a difference.
Covers: every tree that is one value. Does not cover: structures; `compare` does.
"""

from __future__ import annotations

from fractions import Fraction

from mindspeed_rl_ext.verifiers.equivalence.reading.substitution import substituted
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
from mindspeed_rl_ext.verifiers.equivalence.values.functions import Functions
from mindspeed_rl_ext.verifiers.equivalence.values.residues import NoSquareRootError, Value

__all__ = ["Field", "NoSquareRootError", "Value"]


class Field(Functions):
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
            return self._raised(node)
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

    def _sum(self, node: Sum) -> Value:
        total = Value(0, Fraction(0))
        for sign, term in node.terms:
            if sign not in "+-":
                raise UnreadableError("a sign of plus or minus where one value is expected")
            value = self.value(term)
            if sign == "-":
                value = self._negative(value)
            total = self._plus(total, value)
        return total

    def _product(self, node: Product) -> Value:
        total = Value(1, Fraction(1))
        for factor, divides in node.factors:
            value = self.value(factor)
            if divides:
                value = self._reciprocal(value)
            total = self._times(total, value)
        return total
