r"""Plus-or-minus as the two values it stands for.

Covers: `1 \pm \sqrt{2}`: all signs of one answer turn together, `\mp` the other way.
Does not cover: signs that turn independently of each other.
"""

from __future__ import annotations

from mindspeed_rl_ext.verifiers.equivalence.reading.tree import (
    Call,
    Node,
    Power,
    Product,
    Sum,
    children,
)

_TURNED = {"upper": {"+-": "+", "-+": "-"}, "lower": {"+-": "-", "-+": "+"}}


def alternatives(node: Node) -> list[Node]:
    """The one or two values of a tree.

    Example:
        >>> from mindspeed_rl_ext.verifiers.equivalence.reading.tree import Symbol
        >>> alternatives(Symbol("x"))
        [Symbol(name='x')]
    """
    if not _has_double_sign(node):
        return [node]
    return [_turned(node, which) for which in ("upper", "lower")]


def _has_double_sign(node: Node) -> bool:
    if isinstance(node, Sum) and any(len(sign) == 2 for sign, _ in node.terms):
        return True
    return any(map(_has_double_sign, children(node)))


def _turned(node: Node, which: str) -> Node:
    if isinstance(node, Sum):
        turned = _TURNED[which]
        return Sum(tuple((turned.get(s, s), _turned(term, which)) for s, term in node.terms))
    if isinstance(node, Product):
        return Product(tuple((_turned(factor, which), d) for factor, d in node.factors))
    if isinstance(node, Power):
        return Power(_turned(node.base, which), _turned(node.exponent, which))
    if isinstance(node, Call):
        return Call(node.name, tuple(_turned(a, which) for a in node.arguments))
    return node
