"""The tree of an answer: numbers, operations, and the structures around them.

Covers: the node types. Does not cover: how text becomes a tree (`reader`), what a tree is worth
(`field`), when two are the same (`compare`).
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction


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
    """An exact literal."""

    value: Fraction


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
    """Items without brackets."""

    items: tuple[Node, ...]


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
class Relation:
    """A chain of sides with the signs between them: `=`, `<`, `<=`, `>`, `>=`, `!=`, `in`."""

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
    | Relation
)


def children(node: Node) -> list[Node]:
    """The trees directly inside a value; structures around values have none here."""
    if isinstance(node, Sum):
        return [term for _, term in node.terms]
    if isinstance(node, Product):
        return [factor for factor, _ in node.factors]
    if isinstance(node, Power):
        return [node.base, node.exponent]
    if isinstance(node, Integral):
        return [node.body, node.low, node.high]
    if isinstance(node, Series):
        return [node.body]
    return list(node.arguments) if isinstance(node, Call) else []


CONSTANTS = frozenset({"i", "e", r"\pi"})


def symbols(node: Node) -> frozenset[str]:
    """The variables in a value: all names but those of constants.

    Example:
        >>> sorted(symbols(Sum((("+", Symbol("x")), ("-", Symbol("y"))))))
        ['x', 'y']
    """
    if isinstance(node, Symbol):
        return frozenset({node.name} - CONSTANTS)
    found: frozenset[str] = frozenset().union(*map(symbols, children(node)))
    return found - {node.name, r"\infty"} if isinstance(node, (Integral, Series)) else found


def all_names(node: Node) -> frozenset[str]:
    """The names in a value, constants too.

    Example:
        >>> sorted(all_names(Product(((Symbol("x"), False), (Symbol(r"\\pi"), False)))))
        ['\\\\pi', 'x']
    """
    if isinstance(node, Symbol):
        return frozenset({node.name})
    return frozenset().union(*map(all_names, children(node)))


def is_closed_calculus(node: Node) -> bool:
    """Whether there is an integral or infinite sum in a value without variables."""
    return not symbols(node) and _has_calculus(node)


def _has_calculus(node: Node) -> bool:
    return isinstance(node, (Integral, Series)) or any(map(_has_calculus, children(node)))
