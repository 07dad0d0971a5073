r"""Sets of real numbers in one normal form, so that different descriptions of one set agree.

Covers: intervals, unions, intersections, `\setminus`, finite sets, `\mathbb{R}`, the empty set;
inequalities, `x \ne a`, `x \ne a, b`, `|x - a| < b` in one unknown, several of which hold
together; ends that are closed numbers or infinite.
Does not cover: conditions on two unknowns, other inequalities that would have to be solved: None.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import NamedTuple

from mindspeed_rl_ext.verifiers.equivalence.reading.tree import (
    CONSTANTS,
    Call,
    Joined,
    Listing,
    Node,
    Relation,
    Sequence,
    Sum,
    Symbol,
)
from mindspeed_rl_ext.verifiers.equivalence.rules.comparison import PASS, Comparison, Decision

INFINITY = float("inf")
End = Fraction | float
# The number that a closed tree is, the same for equal ones; None for others.
Exact = Callable[[Node], "End | None"]
_TURNED = {">": "<", ">=": "<=", "<": ">", "<=": ">="}
_ORDER = frozenset({"<", "<=", ">", ">="})


class Piece(NamedTuple):
    """An interval; a point has equal ends that both belong to it."""

    low: End
    has_low: bool
    high: End
    has_high: bool


_ALL = Piece(-INFINITY, False, INFINITY, False)
_MAX_PIECES = 64


def same_real_set(comparison: Comparison, left: Node, right: Node) -> Decision:
    """Whether two descriptions are one set of real numbers; says nothing where they are not."""
    if not comparison.policy.relation_is_interval or not (_is_set(left) or _is_set(right)):
        return PASS
    names = _unknowns(left) | _unknowns(right)
    sets = [real_set(side, comparison.end) for side in (left, right)] if len(names) < 2 else [None]
    if None in sets:
        return PASS
    return True if sets[0] == sets[1] else PASS


def real_set(node: Node, exact: Exact) -> tuple[Piece, ...] | None:
    """The set that a tree describes, as disjoint pieces in order; None where it is no such set.

    Args:
        node: an interval, union, difference, finite set, relation or name of a set.
        exact: the number that a tree is, or None.
    """
    pieces = _pieces(node, exact)
    return None if pieces is None or len(pieces) > _MAX_PIECES else tuple(_merged(pieces))


def _is_set(node: Node) -> bool:
    """Whether a tree can only be meant as a set, unlike `(1, 2)` or `1, 2`."""
    if isinstance(node, Symbol):
        return node.name in (r"\mathbb{R}", r"\emptyset")
    if isinstance(node, Relation):
        return all(sign in _ORDER or sign in ("!=", "in") for sign in node.signs)
    if isinstance(node, Sequence):
        return (node.opening, node.closing) in (("[", ")"), ("(", "]"), (r"\{", r"\}"))
    if isinstance(node, Listing):
        return isinstance(node.items[0], Relation) and _is_set(node.items[0])
    return isinstance(node, Joined) or (isinstance(node, Call) and node.name in ("setminus", "cap"))


def _unknowns(node: Node) -> frozenset[str]:
    """The names on which conditions stand."""
    if isinstance(node, Relation):
        sides = [_unknown(side) for side in node.sides]
        return frozenset(side for side in sides if side)
    if isinstance(node, (Joined, Listing)):
        return frozenset().union(*map(_unknowns, node.items))
    return frozenset()


def _unknown(node: Node) -> str:
    node = node.arguments[0] if isinstance(node, Call) and node.name == "abs" else node
    known = (*CONSTANTS, r"\infty", r"\emptyset")
    name = node.name if isinstance(node, Symbol) and node.name not in known else ""
    return "" if name.startswith(r"\mathbb") else name


def _pieces(node: Node, exact: Exact) -> list[Piece] | None:
    if isinstance(node, Symbol):
        return {r"\mathbb{R}": [_ALL], r"\emptyset": []}.get(node.name)
    if isinstance(node, Joined):
        return _concatenated([_pieces(item, exact) for item in node.items])
    if isinstance(node, Sequence):
        return _bracketed(node, exact)
    if isinstance(node, Relation):
        return _relation(node, exact)
    if isinstance(node, Listing):
        return _conditions(node, exact)
    if isinstance(node, Call) and node.name == "cap":
        return _intersected([_pieces(argument, exact) for argument in node.arguments])
    if isinstance(node, Call) and node.name == "setminus":
        whole, taken = (_pieces(argument, exact) for argument in node.arguments)
        return None if whole is None or taken is None else _difference(whole, taken)
    return None


def _conditions(node: Listing, exact: Exact) -> list[Piece] | None:
    r"""`x > 1, x < 2`: all hold; `x \ne 0, 1`: neither is; "or" where they cannot all hold."""
    conditions: list[Node] = []
    for item in node.items:
        before = conditions[-1] if conditions else None
        if isinstance(item, Relation):
            conditions.append(item)
        elif isinstance(before, Relation) and before.signs == ("!=",):
            conditions.append(Relation(("!=",), (before.sides[0], item)))
        else:
            return None
    parts = [_pieces(condition, exact) for condition in conditions]
    if node.joined == "or":
        return _concatenated(parts)
    return _intersected(parts)


def _intersected(parts: list[list[Piece] | None]) -> list[Piece] | None:
    found = [_ALL]
    for part in parts:
        if part is None:
            return None
        found = _difference(found, _difference([_ALL], part))
    return found


def _difference(whole: list[Piece], taken: list[Piece]) -> list[Piece]:
    for piece in taken:
        whole = [rest for part in whole for rest in _without(part, piece)]
    return whole


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
        signs, sides = tuple(_TURNED.get(s, s) for s in reversed(signs)), sides[::-1]
    if len(signs) == 1:
        absolute = _absolute(signs[0], sides, exact)
        if absolute is not None:
            return absolute
    names = [bool(isinstance(side, Symbol) and _unknown(side)) for side in sides]
    if len(signs) == 1 and signs[0] in ("!=", "=") and sum(names) == 1:
        point = _end(sides[names.index(False)], exact)
        if point is None or signs == ("!=",):
            return _split(point)
        return [Piece(point, True, point, True)]
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


def _absolute(sign: str, sides: tuple[Node, ...], exact: Exact) -> list[Piece] | None:
    """`|x| < 2` and `2 < |x|`."""
    absolute = [isinstance(side, Call) and side.name == "abs" for side in sides]
    if sum(absolute) != 1 or sign not in ("<", "<=") or not _unknown(sides[absolute.index(True)]):
        return None
    bound = _end(sides[absolute.index(False)], exact)
    if bound is None or bound <= 0:
        return None
    closed = sign == "<="
    if absolute[0]:
        return [Piece(-bound, closed, bound, closed)]
    return [Piece(-INFINITY, False, -bound, closed), Piece(bound, closed, INFINITY, False)]


def _split(point: End | None) -> list[Piece] | None:
    if point is None:
        return None
    return [Piece(-INFINITY, False, point, False), Piece(point, False, INFINITY, False)]


def _end(node: Node, exact: Exact) -> End | None:
    """The number that an end is, or an infinite one."""
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
