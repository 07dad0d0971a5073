r"""Plus-or-minus as the two values it stands for.

Covers: `1 \pm \sqrt{2}`: all signs of one value turn together, `\mp` the other way; those of
the items of a tuple such as `(\pm 1, \pm 2)` turn each by itself, unless one is `\mp`.
Does not cover: signs of one value that turn independently of each other.
"""

from __future__ import annotations

from itertools import product

from mindspeed_rl_ext.verifiers.equivalence.reading.tree import (
    Node,
    Number,
    Sequence,
    Sum,
    Symbol,
    children,
    mapped,
)

_MAX_TURNING = 5
_TURNED = {"upper": {"+-": "+", "-+": "-"}, "lower": {"+-": "-", "-+": "+"}}


def alternatives(node: Node) -> list[Node]:
    """The values of a tree: one, two, or all choices of the signs of a tuple.

    Example:
        >>> from mindspeed_rl_ext.verifiers.equivalence.reading.tree import Symbol
        >>> alternatives(Symbol("x"))
        [Symbol(name='x')]
    """
    if not has_double_sign(node):
        return [node]
    if isinstance(node, Sequence) and not _turns_together(node):
        return [
            Sequence(node.opening, node.closing, items)
            for items in product(*(alternatives(item) for item in node.items))
        ]
    return [_turned(node, which) for which in ("upper", "lower")]


def has_double_sign(node: Node) -> bool:
    r"""Whether there is a `\pm` or `\mp` somewhere in a tree."""
    rest = [node]
    while rest:
        inner = rest.pop()
        if isinstance(inner, Sum):
            for sign, term in inner.terms:
                if len(sign) == 2:
                    return True
                rest.append(term)
        elif not isinstance(inner, (Number, Symbol)):
            rest += children(inner)
    return False


def _turns_together(node: Sequence) -> bool:
    r"""Whether the signs of a tuple belong together, as in `(\pm 1, \mp 1)`."""
    turning = [item for item in node.items if has_double_sign(item)]
    return len(turning) == 1 or len(turning) > _MAX_TURNING or any(map(_has_lower_sign, turning))


def _has_lower_sign(node: Node) -> bool:
    if isinstance(node, Sum) and any(sign == "-+" for sign, _ in node.terms):
        return True
    return any(map(_has_lower_sign, children(node)))


def _turned(node: Node, which: str) -> Node:
    turned = mapped(node, lambda inner: _turned(inner, which))
    if not isinstance(turned, Sum):
        return turned
    return Sum(tuple((_TURNED[which].get(sign, sign), term) for sign, term in turned.terms))
