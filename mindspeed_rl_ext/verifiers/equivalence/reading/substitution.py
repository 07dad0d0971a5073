r"""A tree with a name replaced, and the finite sums and products that are written out with it.

Covers: `\sum_{k=1}^{n}` and `\prod` with literal bounds, at most MAX_TERMS terms. Does not cover:
infinite or symbolic bounds.
"""

from __future__ import annotations

from fractions import Fraction

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

MAX_TERMS = 100


def substituted(node: Node, name: str, value: Node) -> Node:
    """The tree with another one for a name.

    Raises:
        UnreadableError: the name may stand in something that is no value.
    """
    if isinstance(node, Number):
        return node
    if isinstance(node, Symbol):
        return value if node.name == name else node
    if isinstance(node, Sum):
        return Sum(tuple((sign, substituted(term, name, value)) for sign, term in node.terms))
    if isinstance(node, Product):
        return Product(tuple((substituted(f, name, value), d) for f, d in node.factors))
    if isinstance(node, Power):
        return Power(substituted(node.base, name, value), substituted(node.exponent, name, value))
    if isinstance(node, Call):
        return Call(node.name, tuple(substituted(a, name, value) for a in node.arguments))
    if isinstance(node, Integral):
        low, high = (substituted(end, name, value) for end in (node.low, node.high))
        body = node.body if node.name == name else substituted(node.body, name, value)
        return Integral(node.name, body, low, high)
    if isinstance(node, Series):
        body = node.body if node.name == name else substituted(node.body, name, value)
        return Series(node.name, body, node.first)
    raise UnreadableError("a structure under a sum sign")


def written_out(sign: str, name: str, first: int, last: int, body: Node) -> Node:
    """A sum or product over a range, term by term.

    Args:
        sign: `\\sum` or `\\prod`.
        name: the running name.
        first: its first value.
        last: its last value, included.
        body: what is added up.

    Raises:
        UnreadableError: more than MAX_TERMS terms, or none.
    """
    if not first <= last < first + MAX_TERMS:
        raise UnreadableError(f"a {sign} of {last - first + 1} terms")
    terms = [substituted(body, name, Number(Fraction(k))) for k in range(first, last + 1)]
    if sign == r"\prod":
        return Product(tuple((term, False) for term in terms))
    return Sum(tuple(("+", term) for term in terms))
