"""The tree of an answer: numbers, operations, and the structures around them.

Covers: the node types, what stands inside each, the fold that works a tree out. Does not cover:
how text becomes a tree (`reader`), its value (`field`), when two are the same (`rules`).
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, Generic, TypeVar


def words(text: str) -> frozenset[str]:
    """The words of a text as a set: tables of names read better without quotes."""
    return frozenset(text.split())


def is_digits(text: str) -> bool:
    """Whether a text is a whole number as `int` reads it: `²` and `٣` are digits to Python too.

    Example:
        >>> is_digits("12"), is_digits("²"), is_digits("")
        (True, False, False)
    """
    return text.isascii() and text.isdigit()


class UnreadableError(Exception):
    """The answer is outside what these stages read; its message says where."""


@dataclass(frozen=True)
class Number:
    """An exact literal; `digits` counts those that are written of a decimal or an exponent."""

    value: Fraction
    digits: int = field(default=0, compare=False)


@dataclass(frozen=True)
class Symbol:
    """A variable or a constant, by its full name: `x`, `x_{1}`, `\\pi`."""

    name: str


@dataclass(frozen=True)
class Based:
    """A numeral with its base, such as 52 in base 8."""

    digits: str
    base: int


@dataclass(frozen=True)
class Sum:
    """Terms with their signs: `+`, `-`, `+-` (plus or minus), `-+`."""

    terms: tuple[tuple[str, Node], ...]


@dataclass(frozen=True)
class Product:
    """Factors; the second of each pair tells whether it divides."""

    factors: tuple[tuple[Node, bool], ...]


@dataclass(frozen=True)
class Power:
    """A base and its exponent."""

    base: Node
    exponent: Node


@dataclass(frozen=True)
class Call:
    """A named function: `root`, `abs`, `factorial`, `binom`, `sin`, `f`."""

    name: str
    arguments: tuple[Node, ...]


@dataclass(frozen=True)
class Integral:
    """A definite integral: the running name, what is integrated, and both ends."""

    name: str
    body: Node
    low: Node
    high: Node


@dataclass(frozen=True)
class Series:
    """An infinite sum: the running name, its terms, and the first value of the name."""

    name: str
    body: Node
    first: int


@dataclass(frozen=True)
class Sequence:
    """Items in brackets: a tuple, an interval, or (with `{`) a set."""

    opening: str
    closing: str
    items: tuple[Node, ...]


@dataclass(frozen=True)
class Listing:
    """Items without brackets; `joined` is "or", "and" or the comma between them."""

    items: tuple[Node, ...]
    joined: str = field(default=",", compare=False)


@dataclass(frozen=True)
class Joined:
    """Sets joined by a union sign."""

    items: tuple[Node, ...]


@dataclass(frozen=True)
class Matrix:
    """Rows of entries; `kind` is empty for round and square brackets, which mean the same."""

    kind: str
    rows: tuple[tuple[Node, ...], ...]


@dataclass(frozen=True)
class Cases:
    """A definition by cases: in each row a value and its condition."""

    rows: tuple[tuple[Node, Node], ...]


@dataclass(frozen=True)
class Relation:
    """A chain of sides with the signs between: `=`, `<`, `<=`, `>`, `>=`, `!=`, `in`, `~`."""

    signs: tuple[str, ...]
    sides: tuple[Node, ...]


Node = (
    Number
    | Symbol
    | Based
    | Sum
    | Product
    | Power
    | Call
    | Integral
    | Series
    | Sequence
    | Listing
    | Joined
    | Matrix
    | Cases
    | Relation
)


Parts = tuple["Node", ...]

# For each kind of node: the trees directly inside it, and the node again with other trees there.
_INSIDE: Mapping[type, tuple[Callable[[Any], Parts], Callable[[Any, Parts], Node]]] = {
    Sum: (
        lambda node: tuple([term for _, term in node.terms]),
        lambda node, new: Sum(tuple((s, t) for (s, _), t in zip(node.terms, new, strict=True))),
    ),
    Product: (
        lambda node: tuple([factor for factor, _ in node.factors]),
        lambda node, new: Product(
            tuple((f, d) for f, (_, d) in zip(new, node.factors, strict=True))
        ),
    ),
    Power: (lambda node: (node.base, node.exponent), lambda node, new: Power(*new)),
    Call: (lambda node: node.arguments, lambda node, new: Call(node.name, new)),
    Integral: (
        lambda node: (node.body, node.low, node.high),
        lambda node, new: Integral(node.name, *new),
    ),
    Series: (lambda node: (node.body,), lambda node, new: Series(node.name, new[0], node.first)),
    Sequence: (
        lambda node: node.items,
        lambda node, new: Sequence(node.opening, node.closing, new),
    ),
    Listing: (lambda node: node.items, lambda node, new: Listing(new, node.joined)),
    Joined: (lambda node: node.items, lambda node, new: Joined(new)),
    Relation: (lambda node: node.sides, lambda node, new: Relation(node.signs, new)),
    Matrix: (
        lambda node: tuple(entry for row in node.rows for entry in row),
        lambda node, new: Matrix(node.kind, _in_rows(new, len(node.rows[0]))),
    ),
    Cases: (
        lambda node: tuple(part for row in node.rows for part in row),
        lambda node, new: Cases(tuple((row[0], row[1]) for row in _in_rows(new, 2))),
    ),
}


def children(node: Node) -> Parts:
    """The trees directly inside a node; none inside a number, name or numeral."""
    inside = _INSIDE.get(type(node))
    return inside[0](node) if inside else ()


def mapped(node: Node, change: Callable[[Node], Node]) -> Node:
    """The node with each tree directly inside it changed.

    Example:
        >>> one = Number(Fraction(1))
        >>> mapped(Power(Symbol("x"), one), lambda inner: one) == Power(one, one)
        True
    """
    inside = _INSIDE.get(type(node))
    if inside is None:
        return node
    before = inside[0](node)
    after = tuple(change(inner) for inner in before)
    return node if all(map(operator.is_, before, after)) else inside[1](node, after)


def _in_rows(entries: Parts, width: int) -> tuple[Parts, ...]:
    return tuple(entries[at : at + width] for at in range(0, len(entries), width))


Folded = TypeVar("Folded")
_METHODS: Mapping[type, str] = {
    kind: kind.__name__.lower()
    for kind in (Number, Symbol, Sum, Product, Power, Call, Integral, Series)
}


class Fold(Generic[Folded]):
    """One result for a tree, from the results for the trees inside it: a method per kind of node.

    A fold writes the methods for the kinds that it knows; any other kind is `other`.
    """

    # The method for each kind of node; `__init_subclass__` looks them up once.
    _known: Mapping[type, Callable[[Any, Any], Any]] = {}

    def __init_subclass__(cls, **options: object) -> None:
        super().__init_subclass__(**options)
        known = {kind: getattr(cls, name, None) for kind, name in _METHODS.items()}
        cls._known = {kind: method for kind, method in known.items() if method is not None}

    def visit(self, node: Node) -> Folded:
        """The result for a tree."""
        method = self._known.get(type(node))
        if method is None:
            return self.other(node)
        found: Folded = method(self, node)
        return found

    def other(self, node: Node) -> Folded:
        """The result for a kind of node that has no method of its own."""
        raise UnreadableError(f"a {type(node).__name__.lower()} where a value is expected")


CONSTANTS = frozenset({"i", "e", r"\pi"})


def symbols(node: Node) -> frozenset[str]:
    """The variables in a value: all names but those of constants.

    Example:
        >>> sorted(symbols(Sum((("+", Symbol("x")), ("-", Symbol("y"))))))
        ['x', 'y']
    """
    found: set[str] = set()
    rest = [node]
    while rest:
        inner = rest.pop()
        if isinstance(inner, Symbol):
            found.add(inner.name)
        elif isinstance(inner, (Integral, Series)):
            parts = frozenset().union(*map(symbols, children(inner)))
            found |= parts - {inner.name, r"\infty"}
        elif not isinstance(inner, Number):
            rest += children(inner)
    return frozenset(found) - CONSTANTS


def all_names(node: Node) -> frozenset[str]:
    """The names in a value, constants too.

    Example:
        >>> sorted(all_names(Product(((Symbol("x"), False), (Symbol(r"\\pi"), False)))))
        ['\\\\pi', 'x']
    """
    if isinstance(node, Symbol):
        return frozenset({node.name})
    return frozenset().union(*map(all_names, children(node)))


def calls(node: Node) -> list[Call]:
    """All functions that a tree calls, the outer ones first."""
    found = [node] if isinstance(node, Call) else []
    return [*found, *(call for inner in children(node) for call in calls(inner))]


def is_closed_calculus(node: Node) -> bool:
    """Whether there is an integral or infinite sum in a value without variables."""
    return not symbols(node) and _has_calculus(node)


def _has_calculus(node: Node) -> bool:
    return isinstance(node, (Integral, Series)) or any(map(_has_calculus, children(node)))
