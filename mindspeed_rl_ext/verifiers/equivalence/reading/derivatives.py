r"""Derivatives of trees, for `\frac{d}{dx} x^2`.

Covers: sums, products, quotients, powers, roots, elementary functions. Does not cover: other
functions, partial derivatives of unknown ones: UnreadableError.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

from mindspeed_rl_ext.verifiers.equivalence.reading.tree import (
    Call,
    Fold,
    Node,
    Number,
    Power,
    Product,
    Sum,
    Symbol,
    UnreadableError,
    symbols,
)

_ZERO, _ONE, _TWO = (Number(Fraction(n)) for n in (0, 1, 2))


def derivative(node: Node, name: str) -> Node:
    """The derivative of a tree by a name.

    Raises:
        UnreadableError: there is something whose derivative is not known.

    Example:
        >>> derivative(Symbol("x"), "x"), derivative(Symbol("y"), "x")
        (Number(value=Fraction(1, 1), digits=0), Number(value=Fraction(0, 1), digits=0))
    """
    return _Derivative(name).visit(node)


class _Derivative(Fold[Node]):
    def __init__(self, name: str) -> None:
        self._name = name

    def visit(self, node: Node) -> Node:
        if self._name not in symbols(node):
            return _ZERO
        return super().visit(node)

    def symbol(self, node: Symbol) -> Node:
        return _ONE

    def sum(self, node: Sum) -> Node:
        return Sum(tuple((sign, self.visit(term)) for sign, term in node.terms))

    def product(self, node: Product) -> Node:
        terms = []
        for at, (factor, divides) in enumerate(node.factors):
            rest = (*node.factors[:at], *node.factors[at + 1 :])
            changed = self.visit(factor)
            if divides:
                over = Product(((changed, False), (factor, True), (factor, True)))
                terms.append(("-", Product(((over, False), *rest))))
            else:
                terms.append(("+", Product(((changed, False), *rest))))
        return Sum(tuple(terms))

    def power(self, node: Power) -> Node:
        terms: list[tuple[str, Node]] = []
        if self._name in symbols(node.base):
            lower = Power(node.base, Sum((("+", node.exponent), ("-", _ONE))))
            terms.append(("+", _product(node.exponent, lower, self.visit(node.base))))
        if self._name in symbols(node.exponent):
            logarithm = Call(r"\ln", (node.base,))
            terms.append(("+", _product(node, logarithm, self.visit(node.exponent))))
        return Sum(tuple(terms))

    def call(self, node: Call) -> Node:
        inner = node.arguments[-1]
        if node.name == "root":
            degree = node.arguments[0]
            return self.visit(Power(inner, Product(((_ONE, False), (degree, True)))))
        outer = _outer(node.name, inner)
        if outer is None or len(node.arguments) != 1:
            raise UnreadableError(f"the derivative of {node.name[:20]!r}")
        return _product(outer, self.visit(inner))


def _outer(name: str, x: Node) -> Node | None:
    """The derivative of an elementary function at x."""

    def of(function: str) -> Node:
        return Call(function, (x,))

    def over(node: Node) -> Node:
        return Product(((_ONE, False), (node, True)))

    square = Power(x, _TWO)
    table: dict[str, Callable[[], Node]] = {
        r"\sin": lambda: of(r"\cos"),
        r"\cos": lambda: Sum((("-", of(r"\sin")),)),
        r"\tan": lambda: over(Power(of(r"\cos"), _TWO)),
        r"\ln": lambda: over(x),
        r"\exp": lambda: of(r"\exp"),
        r"\arctan": lambda: over(Sum((("+", _ONE), ("+", square)))),
        r"\arcsin": lambda: over(Call("root", (_TWO, Sum((("+", _ONE), ("-", square)))))),
        r"\sinh": lambda: of(r"\cosh"),
        r"\cosh": lambda: of(r"\sinh"),
    }
    return table[name]() if name in table else None


def _product(*factors: Node) -> Node:
    return Product(tuple((factor, False) for factor in factors))
