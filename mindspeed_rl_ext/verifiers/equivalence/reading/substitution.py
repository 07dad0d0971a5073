r"""A tree with a name replaced, and the finite sums and products that are written out with it.

Covers: `\sum_{k=1}^{n}` and `\prod` with literal bounds, at most MAX_TERMS terms. Does not cover:
infinite or symbolic bounds.
"""

from __future__ import annotations

from fractions import Fraction

from mindspeed_rl_ext.verifiers.equivalence.reading.tree import (
    Integral,
    Node,
    Number,
    Product,
    Series,
    Sum,
    Symbol,
    UnreadableError,
    mapped,
)

MAX_TERMS = 100


def substituted(node: Node, name: str, value: Node) -> Node:
    """The tree with another one for a name; the running name of an integral or sum is its own.

    Example:
        >>> substituted(Symbol("x"), "x", Symbol("y"))
        Symbol(name='y')
    """
    if isinstance(node, Symbol):
        return value if node.name == name else node
    own = node.body if isinstance(node, (Integral, Series)) and node.name == name else None
    return mapped(node, lambda part: part if part is own else substituted(part, name, value))


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
