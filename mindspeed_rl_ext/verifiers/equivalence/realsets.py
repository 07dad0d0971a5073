r"""Sets of real numbers in one normal form, so that different descriptions of one set agree.

Covers: intervals, unions, `\setminus`, finite sets, `\mathbb{R}`, the empty set, inequalities and
`x \ne a` in one unknown; ends that are rational numbers or infinite.
Does not cover: other ends (such as `\sqrt{2}`), intersections, conditions on two unknowns: None.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import NamedTuple

from mindspeed_rl_ext.verifiers.equivalence.reading.tree import (
    Call,
    Joined,
    Node,
    Relation,
    Sequence,
    Sum,
    Symbol,
)

INFINITY = float("inf")
End = Fraction | float
Exact = Callable[[Node], "Fraction | None"]


class Piece(NamedTuple):
    """An interval; a point has equal ends that both belong to it."""

    low: End
    has_low: bool
    high: End
    has_high: bool


_ALL = Piece(-INFINITY, False, INFINITY, False)
_MAX_PIECES = 64


def real_set(node: Node, exact: Exact) -> tuple[Piece, ...] | None:
    """The set that a tree describes, as disjoint pieces in order; None where it is no such set.

    Args:
        node: an interval, union, difference, finite set, relation or name of a set.
        exact: the rational value of a tree, or None.
    """
    pieces = _pieces(node, exact)
    return None if pieces is None or len(pieces) > _MAX_PIECES else tuple(_merged(pieces))


def is_set_like(node: Node) -> bool:
    """Whether a tree can only be meant as a set, unlike `(1, 2)`."""
    if isinstance(node, Symbol):
        return node.name in (r"\mathbb{R}", r"\emptyset")
    if isinstance(node, Relation):
        return all(sign in ("<", "<=", ">", ">=", "!=", "in") for sign in node.signs)
    if isinstance(node, Sequence):
        return (node.opening, node.closing) in (("[", ")"), ("(", "]"), (r"\{", r"\}"))
    return isinstance(node, Joined) or (isinstance(node, Call) and node.name == "setminus")


def _pieces(node: Node, exact: Exact) -> list[Piece] | None:
    if isinstance(node, Symbol):
        return {r"\mathbb{R}": [_ALL], r"\emptyset": []}.get(node.name)
    if isinstance(node, Joined):
        parts = [_pieces(item, exact) for item in node.items]
        return _concatenated(parts)
    if isinstance(node, Sequence):
        return _bracketed(node, exact)
    if isinstance(node, Relation):
        return _relation(node, exact)
    if isinstance(node, Call) and node.name == "setminus":
        whole, taken = (_pieces(argument, exact) for argument in node.arguments)
        if whole is None or taken is None:
            return None
        for piece in taken:
            whole = [rest for part in whole for rest in _without(part, piece)]
        return whole
    return None


def _concatenated(parts: list[list[Piece] | None]) -> list[Piece] | None:
    found: list[Piece] = []
    for part in parts:
        if part is None:
            return None
        found += part
    return found


def _bracketed(node: Sequence, exact: Exact) -> list[Piece] | None:
    ends = [_end(item, exact) for item in node.items]
    known = [end for end in ends if end is not None]
    if len(known) != len(ends):
        return None
    if node.opening == r"\{":
        return [Piece(end, True, end, True) for end in known]
    if len(known) != 2 or node.opening not in "([" or node.closing not in ")]":
        return None
    piece = Piece(known[0], node.opening == "[", known[1], node.closing == "]")
    return [piece] if known[0] < known[1] else None


def _relation(node: Relation, exact: Exact) -> list[Piece] | None:
    signs, sides = node.signs, node.sides
    if signs == ("in",) and isinstance(sides[0], Symbol):
        return _pieces(sides[1], exact)
    if signs[0] in (">", ">="):
        turned = {">": "<", ">=": "<=", "<": ">", "<=": ">="}
        signs, sides = tuple(turned.get(s, s) for s in reversed(signs)), sides[::-1]
    names = [isinstance(side, Symbol) and _end(side, exact) is None for side in sides]
    if signs == ("!=",) and names == [True, False]:
        return _split(_end(sides[1], exact))
    if any(sign not in ("<", "<=") for sign in signs) or sum(names) != 1:
        return None
    low: End | None = -INFINITY
    high: End | None = INFINITY
    has_low = has_high = False
    at = names.index(True)
    if at == 1:
        low, has_low = _end(sides[0], exact), signs[0] == "<="
    if at == len(sides) - 2:
        high, has_high = _end(sides[-1], exact), signs[-1] == "<="
    if low is None or high is None or not low < high:
        return None
    return [Piece(low, has_low, high, has_high)]


def _split(point: End | None) -> list[Piece] | None:
    if point is None:
        return None
    return [Piece(-INFINITY, False, point, False), Piece(point, False, INFINITY, False)]


def _end(node: Node, exact: Exact) -> End | None:
    if node == Symbol(r"\infty"):
        return INFINITY
    if isinstance(node, Sum) and [term for _, term in node.terms] == [Symbol(r"\infty")]:
        return -INFINITY if node.terms[0][0] == "-" else INFINITY
    return exact(node)


def _without(part: Piece, taken: Piece) -> list[Piece]:
    """What is left of a piece."""
    if taken.high < part.low or taken.low > part.high:
        return [part]
    left = Piece(part.low, part.has_low, min(part.high, taken.low), not taken.has_low)
    right = Piece(max(part.low, taken.high), not taken.has_high, part.high, part.has_high)
    if taken.low < part.low or (taken.low == part.low and taken.has_low >= part.has_low):
        left = Piece(part.low, False, part.low, False)
    if taken.high > part.high or (taken.high == part.high and taken.has_high >= part.has_high):
        right = Piece(part.high, False, part.high, False)
    return [piece for piece in (left, right) if _is_something(piece)]


def _is_something(piece: Piece) -> bool:
    return piece.low < piece.high or (piece.low == piece.high and piece.has_low and piece.has_high)


def _merged(pieces: list[Piece]) -> list[Piece]:
    found: list[Piece] = []
    for piece in sorted(pieces, key=lambda one: (one.low, not one.has_low)):
        last = found[-1] if found else None
        touches = last is not None and (
            piece.low < last.high or (piece.low == last.high and (piece.has_low or last.has_high))
        )
        if last is None or not touches:
            found.append(piece)
            continue
        high, has_high = max((last.high, last.has_high), (piece.high, piece.has_high))
        found[-1] = Piece(last.low, last.has_low, high, has_high)
    return found
