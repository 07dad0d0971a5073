"""When two trees are the same: structures item by item, values by their worth in a field.

Covers: tuples and intervals (order and brackets count), sets and lists (order does not, how often
does), unions, matrices, equations, inequalities, plus-or-minus, intervals written as relations.
Does not cover: what needs more than one value, such as solving. Every answer is True, False or
None: None where these rules do not decide.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction
from itertools import permutations

from mindspeed_rl_ext.verifiers.equivalence.kinds import (
    FLIPPED,
    assigned,
    difference,
    interval,
    is_name,
    is_quantity,
    is_residue,
    may_be_time,
    without_domains,
)
from mindspeed_rl_ext.verifiers.equivalence.policy import Policy
from mindspeed_rl_ext.verifiers.equivalence.reading.tree import (
    Based,
    Call,
    Joined,
    Listing,
    Matrix,
    Node,
    Product,
    Relation,
    UnreadableError,
    symbols,
)
from mindspeed_rl_ext.verifiers.equivalence.reading.tree import Sequence as Bracketed
from mindspeed_rl_ext.verifiers.equivalence.realsets import is_set_like, real_set
from mindspeed_rl_ext.verifiers.equivalence.values.approximate import is_rounding, same_worth
from mindspeed_rl_ext.verifiers.equivalence.values.field import Field, NoSquareRootError
from mindspeed_rl_ext.verifiers.equivalence.values.primes import small_fraction
from mindspeed_rl_ext.verifiers.equivalence.values.signs import alternatives

MAX_ITEMS = 128
# A wrong sign survives so many points with a chance of one in a million.
_CONFIRMATIONS = 20
_ATTEMPTS = 160
_STRUCTURES = (Bracketed, Listing, Joined, Matrix, Relation)


class Comparison:
    """Compares trees at the points of two fields over the same prime's kind.

    Args:
        fields: independent points modulo the same prime; the second serves equations only.
        policy: the conventions.
    """

    def __init__(self, fields: tuple[Field, Field], policy: Policy) -> None:
        self._field, self._other = fields
        self._policy = policy

    def same(self, left: Node, right: Node) -> bool | None:
        """Whether two trees are the same mathematics; None where that is not decided."""
        if left == right:
            return True
        if self._policy.relation_is_interval and (is_set_like(left) or is_set_like(right)):
            sets = [real_set(side, self._exact) for side in (left, right)]
            if sets[0] is not None and sets[0] == sets[1]:
                return True
        for one, two in ((left, right), (right, left)):
            if isinstance(one, Relation) and not isinstance(two, Relation):
                return self._relation_and_other(one, two)
        if isinstance(left, Relation) and isinstance(right, Relation):
            return self._relations(left, right)
        bare = self._bare_tuple(left, right)
        if bare is not None:
            return bare
        if self._is_list(left) or self._is_list(right):
            return self._unordered(_items(left), _items(right))
        if isinstance(left, Bracketed) and isinstance(right, Bracketed):
            return self._bracketed(left, right)
        if is_residue(left) or is_residue(right):
            return self._congruent(left, right)
        for one, two in ((left, right), (right, left)):
            if isinstance(one, Bracketed) and one.opening == ":" and len(one.items) == 2:
                if isinstance(two, _STRUCTURES) or may_be_time(one):
                    return None
                return self._values(Product(((one.items[0], False), (one.items[1], True))), two)
        if isinstance(left, Joined) and isinstance(right, Joined):
            return self._unordered(left.items, right.items)
        if isinstance(left, Matrix) and isinstance(right, Matrix):
            return self._matrices(left, right)
        for one, two in ((left, right), (right, left)):
            if isinstance(one, Matrix) and isinstance(two, Bracketed):
                return self._vector_and_tuple(one, two)
        if isinstance(left, Based) or isinstance(right, Based):
            return False if isinstance(left, Based) and isinstance(right, Based) else None
        if isinstance(left, _STRUCTURES) or isinstance(right, _STRUCTURES):
            return None
        return self._values(left, right)

    def _congruent(self, left: Node, right: Node) -> bool | None:
        r"""`12 \pmod 7` is `5 \pmod 7`; a number alone has to be the least residue."""
        if not (isinstance(left, Call) and isinstance(right, Call)) or left.name != right.name:
            residue, other = (left, right) if is_residue(left) else (right, left)
            if not isinstance(residue, Call) or isinstance(other, _STRUCTURES):
                return None
            parts = [self._exact(part) for part in (other, *residue.arguments)]
            value, said, modulus = parts
            if value is None or said is None or modulus is None:
                return None
            return True if value == said and 0 <= value < modulus else None
        if not self.same(left.arguments[1], right.arguments[1]):
            return False
        parts = [self._exact(side.arguments[0]) for side in (left, right)]
        modulus = self._exact(left.arguments[1])
        if parts[0] is None or parts[1] is None or not modulus:
            return self.same(left.arguments[0], right.arguments[0]) or None
        return (parts[0] - parts[1]) % modulus == 0

    def _exact(self, node: Node) -> Fraction | None:
        if isinstance(node, _STRUCTURES):
            return None
        return self._field.value(node).exact

    def _bare_tuple(self, left: Node, right: Node) -> bool | None:
        """`3, 2` and `p = 3, q = 2` for `(3, 2)`: the order says what the brackets would."""
        for one, two in ((left, right), (right, left)):
            if isinstance(one, Listing) and isinstance(two, Bracketed) and two.opening == "(":
                if two.closing != ")" or len(one.items) != len(two.items):
                    continue
                values = assigned(one.items)
                if self._policy.bare_tuples and self._ordered(values, two.items):
                    return True
        return None

    def _is_list(self, node: Node) -> bool:
        is_set = isinstance(node, Bracketed) and node.opening == r"\{"
        return is_set or isinstance(node, Listing) or len(alternatives(node)) > 1

    def _values(self, left: Node, right: Node) -> bool | None:
        if is_rounding(left, right) or is_rounding(right, left):
            return True
        a, b = self._field.value(left), self._field.value(right)
        if a.exact is not None and b.exact is not None:
            return a.exact == b.exact
        if a.residue == b.residue:
            if (a.branched or b.branched) and not self._confirmed(left, right):
                return None
            # `x - x + 5` is 5 everywhere, yet no answer that a reader would take for 5.
            return True if symbols(left) == symbols(right) else None
        return same_worth(left, right) if a.opaque or b.opaque else False

    def _confirmed(self, left: Node, right: Node) -> bool:
        """Whether two values agree at many points: each takes square roots of either sign."""
        confirmed = 0
        for attempt in range(_ATTEMPTS):
            field = self._field.elsewhere(attempt)
            try:
                if field.value(left).residue != field.value(right).residue:
                    return False
            except NoSquareRootError:
                continue
            confirmed += 1
            if confirmed == _CONFIRMATIONS:
                return True
        return False

    def _ordered(self, left: Iterable[Node], right: Iterable[Node]) -> bool | None:
        return _all(self._same_item(a, b) for a, b in zip(left, right, strict=True))

    def _unordered(self, left: Sequence[Node], right: Sequence[Node]) -> bool | None:
        """Matches items one to one; being the same is transitive, so greedy is enough."""
        left, right = without_domains(left), without_domains(right)
        if len(left) > MAX_ITEMS or len(right) > MAX_ITEMS:
            raise UnreadableError(f"a list of more than {MAX_ITEMS} items")
        if all(isinstance(item, Bracketed) for item in (*left, *right)):
            # Points and solutions: said twice they are still the same ones.
            left, right = self._without_repeats(left), self._without_repeats(right)
        if len(left) != len(right):
            return False
        if not self._policy.unordered_lists:
            return self._ordered(left, right)
        rest, single = list(right), []
        for item in left:
            said = [self._same_item(item, other) for other in rest]
            if True in said:
                rest.pop(said.index(True))
            elif None in said:
                single.append(item)
            else:
                return False
        # An item that is none of the others decides, on whichever side it stands.
        said_of = [[self._same_item(item, other) for other in rest] for item in single]
        if any(set(said) == {False} for said in (*said_of, *zip(*said_of, strict=True))):
            return False
        return None if single else True

    def _same_item(self, item: Node, other: Node) -> bool | None:
        """One that has no value decides nothing: the order of the items is not to matter."""
        try:
            return self.same(item, other)
        except UnreadableError:
            return None

    def _without_repeats(self, items: Sequence[Node]) -> list[Node]:
        kept: list[Node] = []
        for item in items:
            if not any(self._same_item(item, other) for other in kept):
                kept.append(item)
        return kept

    def _bracketed(self, left: Bracketed, right: Bracketed) -> bool | None:
        if left.opening == right.opening == ":":
            return self._ratios(left, right)
        if (left.opening, left.closing) != (right.opening, right.closing):
            return False
        if len(left.items) != len(right.items):
            return False
        return self._ordered(left.items, right.items)

    def _ratios(self, left: Bracketed, right: Bracketed) -> bool | None:
        """`2:4` is `1:2`; `6:30` may be a time, so two digits have to be the same."""
        if len(left.items) != len(right.items):
            return False
        if self._ordered(left.items, right.items):
            return True
        first, second = left.items[0], right.items[0]
        if may_be_time(left) or may_be_time(right):
            return False
        return _all(
            self.same(Product(((a, False), (second, False))), Product(((b, False), (first, False))))
            for a, b in zip(left.items[1:], right.items[1:], strict=True)
        )

    def _matrices(self, left: Matrix, right: Matrix) -> bool | None:
        if left.kind != right.kind:
            return None
        if [len(row) for row in left.rows] != [len(row) for row in right.rows]:
            return False
        return _all(self._ordered(a, b) for a, b in zip(left.rows, right.rows, strict=True))

    def _vector_and_tuple(self, vector: Matrix, other: Bracketed) -> bool | None:
        """A column or a row of numbers and the tuple of the same numbers are one vector."""
        entries = [entry for row in vector.rows for entry in row]
        flat = len(vector.rows) == 1 or len(vector.rows[0]) == 1
        if not flat or vector.kind or (other.opening, other.closing) != ("(", ")"):
            return None
        return self._ordered(entries, other.items) if len(entries) == len(other.items) else False

    def _relations(self, left: Relation, right: Relation) -> bool | None:
        if any(map(is_residue, left.sides)) != any(map(is_residue, right.sides)):
            return None  # `x = 3` is more than `x \equiv 3 \pmod 7`
        if left.signs == ("=",) and right.signs == ("=",):
            return self._equations(left, right)
        if len(left.signs) == len(right.signs) == 1 and left.signs[0] in FLIPPED:
            ratio = self._ratio(left, right)
            wanted = left.signs[0] if ratio is None or ratio > 0 else FLIPPED[left.signs[0]]
            if ratio is not None and right.signs[0] == wanted:
                return True
        turned = Relation(
            tuple(FLIPPED.get(sign, sign) for sign in reversed(right.signs)), right.sides[::-1]
        )
        for other in (right, turned):
            if left.signs == other.signs and self._ordered(left.sides, other.sides):
                return True
        return None

    def _equations(self, left: Relation, right: Relation) -> bool | None:
        """The same where left side less right side is the same but for a constant factor."""
        if is_name(left.sides[0]) and left.sides[0] == right.sides[0]:
            return self.same(left.sides[1], right.sides[1])
        for order in permutations(right.sides):
            if self._ordered(left.sides, order):
                return True
        return True if self._ratio(left, right) is not None else None

    def _ratio(self, left: Relation, right: Relation) -> Fraction | None:
        """The small constant that one difference of sides is of the other; None for no such."""
        differences = [difference(side) for side in (left, right)]
        names = symbols(differences[0])
        if not names or names != symbols(differences[1]):
            return None  # without a name both points are the same point
        ratios = set()
        for field in (self._field, self._other):
            a, b = map(field.value, differences)
            if a.opaque or b.opaque or not a.residue or not b.residue:
                return None
            ratios.add(a.residue * pow(b.residue, -1, field.prime) % field.prime)
        return small_fraction(ratios.pop(), self._field.prime) if len(ratios) == 1 else None

    def _relation_and_other(self, relation: Relation, other: Node) -> bool | None:
        names = [side for side in relation.sides if is_name(side)]
        if set(relation.signs) == {"="}:
            return self._stated(relation.sides, other)
        if relation.signs == ("in",) and names[:1] == [relation.sides[0]]:
            return self.same(relation.sides[1], other)
        described = interval(relation)
        if described is not None and self._policy.relation_is_interval:
            return self.same(described, other)
        return None

    def _stated(self, sides: tuple[Node, ...], other: Node) -> bool | None:
        """`x = 5` and `5 = x` state 5; so does `x = 2 + 3 = 5`, if all sides agree."""
        rest = [side for side in sides if not is_name(side)]
        if is_name(other) and any(side == other for side in sides):
            return None
        if not rest or len(rest) < len(sides) - 1:
            return None
        if len(sides) == 2 and len(rest) == 2 and is_quantity(sides[0]) and not symbols(sides[1]):
            rest = [sides[1]]
        if not all(self.same(rest[0], side) for side in rest[1:]):
            return None
        return self.same(rest[0], other)


def _items(node: Node) -> list[Node]:
    r"""The items of a list or set; an item with `\pm` counts as its two values."""
    items = node.items if isinstance(node, (Listing, Bracketed)) else (node,)
    if isinstance(node, Bracketed) and node.opening != r"\{":
        items = (node,)
    return [value for item in items for value in alternatives(item)]


def _all(said: Iterable[bool | None]) -> bool | None:
    undecided = False
    for one in said:
        if one is False:
            return False
        undecided |= one is None
    return None if undecided else True
