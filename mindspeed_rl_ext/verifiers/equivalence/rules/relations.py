r"""Rules for relations: equations, inequalities, definitions, approximations, membership.

Covers: `x = 5` and 5; `y = 2x+3` and `2x-y+3 = 0`; `F = ma` and `a = F/m`; `f(m) = 2m` and
`f(n) = 2n`; `\frac13 \approx 0.33` and either side; `x \in (1,2)` and `(1,2)`.
Does not cover: solving: `2x = 10` is not 10, nor is it 5.
"""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise, permutations

from mindspeed_rl_ext.verifiers.equivalence.reading.substitution import substituted
from mindspeed_rl_ext.verifiers.equivalence.reading.tree import (
    Call,
    Node,
    Number,
    Relation,
    Symbol,
    UnreadableError,
    symbols,
)
from mindspeed_rl_ext.verifiers.equivalence.reading.tree import Sequence as Bracketed
from mindspeed_rl_ext.verifiers.equivalence.rules.comparison import (
    Comparison,
    Decision,
    is_structure,
)
from mindspeed_rl_ext.verifiers.equivalence.rules.kinds import (
    FLIPPED,
    INTERVAL,
    RATIO,
    RESIDUE,
    SET,
    TUPLE,
    UNION,
    VALUES,
    difference,
    interval,
    is_head,
    is_name,
    is_quantity,
    kind_of,
)
from mindspeed_rl_ext.verifiers.equivalence.values.approximate import decimal_literal, real_size
from mindspeed_rl_ext.verifiers.equivalence.values.field import NoSquareRootError
from mindspeed_rl_ext.verifiers.equivalence.values.polynomials import degree
from mindspeed_rl_ext.verifiers.equivalence.values.primes import small_fraction

_INTERVALS = frozenset({TUPLE, INTERVAL, UNION})


def relation_and_other(comparison: Comparison, relation: Relation, other: Node) -> Decision:
    """What a relation states about a name, and an answer without the name."""
    if "~" in relation.signs:
        return _approximation(comparison, relation, other)
    if set(relation.signs) == {"="}:
        return _stated(comparison, relation.sides, other)
    if relation.signs == ("in",) and is_name(relation.sides[0]):
        members = relation.sides[1]
        between = kind_of(members) in _INTERVALS
        return (
            None
            if between and kind_of(other) not in _INTERVALS
            else _same_set(comparison, members, other)
        )
    described = interval(relation)
    if described is None or not comparison.policy.relation_is_interval:
        return None
    return comparison.same(described, other) if kind_of(other) in _INTERVALS else False


def relations(comparison: Comparison, left: Relation, right: Relation) -> Decision:
    """Two relations: side by side, turned round, or multiplied by a number."""
    residues = [any(kind_of(side) == RESIDUE for side in one.sides) for one in (left, right)]
    if residues[0] != residues[1]:
        return None  # `x = 3` is more than `x \equiv 3 \pmod 7`
    if "~" in left.signs or "~" in right.signs:
        return _approximations(comparison, left, right)
    if left.signs == ("=",) and right.signs == ("=",):
        return _equations(comparison, left, right)
    if len(left.signs) == len(right.signs) == 1 and left.signs[0] in FLIPPED:
        ratio = _ratio(comparison, left, right)
        wanted = left.signs[0] if ratio is None or ratio > 0 else FLIPPED[left.signs[0]]
        if ratio is not None and right.signs[0] == wanted:
            return True
    turned = Relation(
        tuple(FLIPPED.get(sign, sign) for sign in reversed(right.signs)), right.sides[::-1]
    )
    for other in (right, turned):
        if left.signs == other.signs and comparison.ordered(left.sides, other.sides):
            return True
    return _chains(comparison, left, right)


def _same_set(comparison: Comparison, members: Node, other: Node) -> bool | None:
    """A set with one item that is said to be a set is that item."""
    if kind_of(members) == SET and isinstance(members, Bracketed) and len(members.items) == 1:
        return comparison.same(members.items[0], other)
    return comparison.same(members, other)


def _equations(comparison: Comparison, left: Relation, right: Relation) -> bool | None:
    """The same where left side less right side is the same but for a constant factor."""
    if is_name(left.sides[0]) and left.sides[0] == right.sides[0]:
        return comparison.same(left.sides[1], right.sides[1])
    for order in permutations(right.sides):
        if comparison.ordered(left.sides, order):
            return True
    if _same_definition(comparison, left, right):
        return True
    if _ratio(comparison, left, right) is not None or _solved(comparison, left, right):
        return True
    return None


def _same_definition(comparison: Comparison, left: Relation, right: Relation) -> bool | None:
    """`f(m) = 2m` and `f(n) = 2n`; `f(x) = 2x` and `y = 2x`."""
    (one, body_of_one), (two, body_of_two) = left.sides, right.sides
    if isinstance(one, Call) and isinstance(two, Call) and is_head(one) and is_head(two):
        if one.name != two.name or len(one.arguments) != len(two.arguments):
            return None
        for mine, theirs in zip(one.arguments, two.arguments, strict=True):
            if not isinstance(mine, Symbol) or not isinstance(theirs, Symbol):
                return None
            if mine != theirs and mine.name in symbols(body_of_two):
                return None
            body_of_two = substituted(body_of_two, theirs.name, mine)
        return comparison.same_item(body_of_one, body_of_two)
    if isinstance(one, Symbol) and isinstance(two, Symbol):
        return _same_sequence(comparison, left, right)
    for head, name, body in ((one, two, body_of_two), (two, one, body_of_one)):
        if is_head(head) and isinstance(name, Symbol) and name.name not in symbols(body):
            return comparison.same_item(body_of_one, body_of_two)
    return None


def _same_sequence(comparison: Comparison, left: Relation, right: Relation) -> bool | None:
    """`a_n = 3n+2` and `a_k = 3k+2`."""
    (one, body_of_one), (two, body_of_two) = left.sides, right.sides
    if not isinstance(one, Symbol) or not isinstance(two, Symbol):
        return None
    (name, _, index), (other, _, running) = one.name.partition("_"), two.name.partition("_")
    letters = len(index) == len(running) == 1 and index.isalpha() and running.isalpha()
    if name != other or not letters or index in symbols(body_of_two):
        return None
    return comparison.same_item(body_of_one, substituted(body_of_two, running, Symbol(index)))


def _solved(comparison: Comparison, left: Relation, right: Relation) -> bool:
    """`F = ma` and `a = F/m`: each is true wherever the other one is."""
    pairs = ((left, right), (right, left))
    follows = [_follows(comparison, *pair) for pair in pairs]
    # `PV = nRT` has one solution for T, since it is linear in T.
    return all(follows) or any(
        found
        and isinstance(one.sides[0], Symbol)
        and degree(difference(other), one.sides[0].name) == 1
        for found, (one, other) in zip(follows, pairs, strict=True)
    )


def _follows(comparison: Comparison, one: Relation, other: Relation) -> bool:
    name, body = one.sides
    if not isinstance(name, Symbol) or name.name in symbols(body) or not is_name(name):
        return False
    if symbols(one) != symbols(other) or isinstance(body, Number):
        return False
    sides = [substituted(side, name.name, body) for side in other.sides]
    try:
        return any(is_structure(side) for side in sides) is False and bool(
            comparison.same(sides[0], sides[1])
        )
    except (NoSquareRootError, UnreadableError):
        return False


def _ratio(comparison: Comparison, left: Relation, right: Relation) -> Fraction | None:
    """The small constant that one difference of sides is of the other; None for no such."""
    differences = [difference(side) for side in (left, right)]
    names = symbols(differences[0])
    if not names or names != symbols(differences[1]):
        return None  # without a name both points are the same point
    if any(is_structure(side) for side in (*left.sides, *right.sides)):
        return None
    ratios = set()
    for field in (comparison.field, comparison.other):
        a, b = map(field.value, differences)
        if a.opaque or b.opaque or not a.residue or not b.residue:
            return None
        ratios.add(a.residue * pow(b.residue, -1, field.prime) % field.prime)
    return small_fraction(ratios.pop(), comparison.field.prime) if len(ratios) == 1 else None


def _stated(comparison: Comparison, sides: tuple[Node, ...], other: Node) -> bool | None:
    """`x = 5` and `5 = x` state 5; so does `x = 2 + 3 = 5`, if all sides agree."""
    rest = [side for side in sides if not is_name(side)]
    if is_name(other) and any(side == other for side in sides):
        return None
    value = not is_structure(sides[-1]) or kind_of(sides[-1]) == RATIO
    closed = value and not symbols(sides[-1])
    closed = closed and sides[-1] != Number(Fraction(0))  # an equation, not the value 0
    if len(rest) > 1 and closed and all(is_quantity(side) for side in sides[:-1]):
        rest = [sides[-1]]
    if closed and len(sides) > 2 and is_name(sides[0]):
        # `A = \pi r^2 = 9\pi`: what has names is the formula that the value comes from.
        rest = [side for side in rest if is_structure(side) or not symbols(side)]
    if not rest:
        return None
    if not all(comparison.same(rest[0], side) for side in rest[1:]):
        return None
    if kind_of(rest[0]) == SET:
        return _same_set(comparison, rest[0], other)
    return comparison.same(rest[0], other)


def _chains(comparison: Comparison, left: Relation, right: Relation) -> bool | None:
    """`x = 2 + 3 = 5` and `x = 5`: the same name, and the value that both end in."""
    for long, short in ((left, right), (right, left)):
        if set(long.signs) != {"="} or short.signs != ("=",) or len(long.sides) < 3:
            continue
        if not is_name(short.sides[0]) or long.sides[0] != short.sides[0]:
            continue
        if _stated(comparison, long.sides, short.sides[1]):
            return True
    if set(left.signs) == set(right.signs) == {"="} and left.sides[0] == right.sides[0]:
        return (
            comparison.same(left.sides[-1], right.sides[-1])
            and all(_stated(comparison, side.sides, side.sides[-1]) for side in (left, right))
        ) or None
    return None


def _approximation(comparison: Comparison, relation: Relation, other: Node) -> bool | None:
    r"""`\frac13 \approx 0.33` states both sides, if the one rounds to the other."""
    sides = [side for side in relation.sides if not is_name(side)]
    if len(sides) < len(relation.sides) - 1 and not all(map(is_name, relation.sides[:-1])):
        return None
    if not sides or set(relation.signs) - {"~", "="}:
        return None
    if not all(_rounds(comparison, a, b) for a, b in pairwise(sides)):
        return None
    decisions = [comparison.same_item(side, other) for side in sides]
    return True if True in decisions else decisions[0]


def _rounds(comparison: Comparison, one: Node, other: Node) -> bool:
    """Whether one value is the other, rounded or cut off to the digits that are written."""
    if comparison.same_item(one, other):
        return True
    for decimal, value in ((one, other), (other, one)):
        literal = decimal_literal(decimal)
        size = real_size(value) if kind_of(value) in VALUES else None
        if literal is None or size is None or _is_coarse(literal):
            continue
        places = 0
        while places < 30 and (literal[0] * 10**places).denominator != 1:
            places += 1
        distance = abs(float(literal[0]) - size)
        cut_off = bool(places) and abs(float(literal[0])) < abs(size)
        if distance < (1.0 if cut_off else 0.5 + 1e-9) * 10.0**-places:
            return True
    return False


def _is_coarse(literal: tuple[Fraction, int]) -> bool:
    r"""Whether a number is written with one digit: `\pi \approx 3` states neither side."""
    value, digits = literal
    return (digits or len(str(abs(value.numerator)))) < 2


def _approximations(comparison: Comparison, left: Relation, right: Relation) -> bool | None:
    """`x = a \\approx b` and `x \\approx b`: the same name, and what one states of the other."""
    for one, two in ((left, right), (right, left)):
        if is_name(two.sides[0]) and len(two.sides) == 2:
            if is_name(one.sides[0]) and one.sides[0] != two.sides[0]:
                return None
            decision = relation_and_other(comparison, one, two.sides[1])
            if decision is True:
                return True
    return None
