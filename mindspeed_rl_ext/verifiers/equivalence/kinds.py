"""What a tree is apart from its value: a name, a quantity, a time, an interval in words of signs.

Covers: the questions that `compare` asks of one tree. Does not cover: comparing.
"""

from __future__ import annotations

from collections.abc import Sequence

from mindspeed_rl_ext.verifiers.equivalence.reading.tree import (
    CONSTANTS,
    Call,
    Node,
    Number,
    Product,
    Relation,
    Sum,
    Symbol,
    symbols,
)
from mindspeed_rl_ext.verifiers.equivalence.reading.tree import Sequence as Bracketed

FLIPPED = {"=": "=", "!=": "!=", "<": ">", ">": "<", "<=": ">=", ">=": "<="}


def is_residue(node: Node) -> bool:
    """Whether a tree is a value with a modulus."""
    return isinstance(node, Call) and node.name == "mod"


def is_name(node: Node) -> bool:
    """What may stand for a value: `x`, `f(x)`, `|AB|`, `(p, q)`."""
    if isinstance(node, Bracketed):
        return node.opening == "(" and all(isinstance(item, Symbol) for item in node.items)
    if isinstance(node, Symbol):
        return node.name not in CONSTANTS and node.name not in (r"\infty", r"\emptyset")
    if isinstance(node, Call) and node.name == "abs":
        return _is_segment(node.arguments[0])
    return isinstance(node, Call) and len(node.name) == 1


def without_domains(items: Sequence[Node]) -> Sequence[Node]:
    r"""Without the `k \in \mathbb{Z}` of `k\pi, k \in \mathbb{Z}`: it only says what k is."""
    kept = [
        item
        for item in items
        if not (
            isinstance(item, Relation)
            and item.signs == ("in",)
            and isinstance(item.sides[1], Symbol)
            and item.sides[1].name.startswith(r"\mathbb")
        )
    ]
    return kept or items


def is_quantity(node: Node) -> bool:
    r"""What names a quantity without saying how large: `AB`, `\frac{NO}{BO}`, `A:B`, `\sin A`."""
    if isinstance(node, Product):
        return all(is_quantity(factor) for factor, _ in node.factors)
    if isinstance(node, Bracketed):
        return node.opening == ":" and all(is_quantity(item) for item in node.items)
    if isinstance(node, Call):
        return node.name not in ("factorial", "binom", "root") and bool(symbols(node))
    return is_name(node)


def assigned(items: Sequence[Node]) -> Sequence[Node]:
    """The values of `p = 3, q = 2`; the items themselves where they are no such."""
    names = [item.sides[0] for item in items if isinstance(item, Relation)]
    assignments = len(names) == len(items) == len(set(names)) and all(
        isinstance(item, Relation) and item.signs == ("=",) and is_name(item.sides[0])
        for item in items
    )
    if not assignments:
        return items
    return [item.sides[1] for item in items if isinstance(item, Relation)]


def may_be_time(ratio: Bracketed) -> bool:
    """Whether `a:b` may be a time: its last part has two digits."""
    last = ratio.items[-1]
    return isinstance(last, Number) and last.value.denominator == 1 and last.value >= 10


def _is_segment(node: Node) -> bool:
    """`AB`, as in the length `|AB|`."""
    factors = node.factors if isinstance(node, Product) else ()
    return len(factors) == 2 and all(
        isinstance(factor, Symbol) and factor.name.isupper() for factor, _ in factors
    )


def difference(equation: Relation) -> Node:
    """Left side less right side."""
    return Sum((("+", equation.sides[0]), ("-", equation.sides[1])))


def interval(relation: Relation) -> Node | None:
    """`1 < x <= 2` as `(1, 2]`, `x > 3` as `(3, oo)`; None for other relations."""
    signs, sides = relation.signs, relation.sides
    if signs[0] in (">", ">="):
        signs, sides = tuple(FLIPPED.get(s, s) for s in reversed(signs)), sides[::-1]
    if any(sign not in ("<", "<=") for sign in signs):
        return None
    infinity = Symbol(r"\infty")
    ends: tuple[Node, Node] | None = None
    if len(sides) == 3 and is_name(sides[1]):
        ends = (sides[0], sides[2])
    elif len(sides) == 2 and is_name(sides[0]) and not is_name(sides[1]):
        ends, signs = (Sum((("-", infinity),)), sides[1]), ("<", signs[0])
    elif len(sides) == 2 and is_name(sides[1]) and not is_name(sides[0]):
        ends, signs = (sides[0], infinity), (signs[0], "<")
    if ends is None:
        return None
    return Bracketed("(" if signs[0] == "<" else "[", ")" if signs[1] == "<" else "]", ends)
