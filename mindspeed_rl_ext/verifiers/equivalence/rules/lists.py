r"""Rules for lists, sets, tuples and intervals: items one by one.

Covers: order (it counts in tuples and intervals, not in lists and sets), multiplicity (it counts
in lists, not in sets nor among alternatives joined by "or"), `\pm` as its values, bare tuples.
Does not cover: what an interval contains; `realsets` does.
"""

from __future__ import annotations

from collections.abc import Sequence

from mindspeed_rl_ext.verifiers.equivalence.reading.tree import (
    Cases,
    Listing,
    Node,
    Relation,
    UnreadableError,
)
from mindspeed_rl_ext.verifiers.equivalence.reading.tree import Sequence as Bracketed
from mindspeed_rl_ext.verifiers.equivalence.rules.comparison import (
    PASS,
    Comparison,
    Decision,
    all_same,
)
from mindspeed_rl_ext.verifiers.equivalence.rules.kinds import (
    LIST,
    SET,
    assigned,
    kind_of,
    without_domains,
)
from mindspeed_rl_ext.verifiers.equivalence.values.signs import alternatives

MAX_ITEMS = 128


def bare_tuple(comparison: Comparison, left: Listing, right: Bracketed) -> Decision:
    """`3, 2` and `p = 3, q = 2` for `(3, 2)`: the order says what the brackets would."""
    if len(left.items) != len(right.items) or left.joined == "or":
        return PASS
    values = assigned(left.items)
    if any(isinstance(value, Relation) for value in values):
        return False  # the roots of an inequality are not the interval between them
    if comparison.policy.bare_tuples and comparison.ordered(values, right.items):
        return True
    return PASS


def one_item_set(comparison: Comparison, left: Bracketed, right: Node) -> Decision:
    r"""`\{5\}` for 5, `\{\frac13\}`. `\{2.5\}` may be the set or the fractional part: not 2.5."""
    if len(left.items) != 1:
        return PASS
    exact = comparison.exact(left.items[0])
    if exact is None or (exact.denominator != 1 and not 0 < exact < 1):
        return None
    return comparison.same(left.items[0], right)


def unordered(comparison: Comparison, left: Node, right: Node) -> Decision:
    """Matches items one to one; being the same is transitive, so greedy is enough."""
    one, two = without_domains(_items(left)), without_domains(_items(right))
    if len(one) > MAX_ITEMS or len(two) > MAX_ITEMS:
        raise UnreadableError(f"a list of more than {MAX_ITEMS} items")
    points = all(isinstance(item, Bracketed) for item in (*one, *two))
    if points or _repeats_freely(left):
        one = _without_repeats(comparison, one)
    if points or _repeats_freely(right):
        two = _without_repeats(comparison, two)
    if len(one) != len(two):
        return False
    if not comparison.policy.unordered_lists:
        return comparison.ordered(one, two)
    return _matched(comparison, one, two)


def brackets(comparison: Comparison, left: Bracketed, right: Bracketed) -> Decision:
    """Tuples and intervals: the same brackets, the same items in order."""
    if (left.opening, left.closing) != (right.opening, right.closing):
        return False
    if len(left.items) != len(right.items):
        return False
    return comparison.ordered(left.items, right.items)


def unions(comparison: Comparison, left: Node, right: Node) -> Decision:
    """Unions and intersections part by part, in any order; differences in theirs."""
    if type(left) is not type(right) or getattr(left, "name", "") != getattr(right, "name", ""):
        return None
    parts = [getattr(side, "items", ()) or getattr(side, "arguments", ()) for side in (left, right)]
    if len(parts[0]) != len(parts[1]):
        return False
    if getattr(left, "name", "") == "setminus":
        return comparison.ordered(*parts)
    return _matched(comparison, *parts)


def cases(comparison: Comparison, left: Cases, right: Cases) -> Decision:
    """The rows of a definition by cases, in any order."""
    if len(left.rows) != len(right.rows):
        return None
    rows = [[Bracketed("case", "", row) for row in side.rows] for side in (left, right)]
    return _matched(comparison, *rows) or None


def _matched(comparison: Comparison, left: Sequence[Node], right: Sequence[Node]) -> bool | None:
    rest, single = list(right), []
    for item in left:
        decisions = [comparison.same_item(item, other) for other in rest]
        if True in decisions:
            rest.pop(decisions.index(True))
        elif None in decisions:
            single.append(item)
        else:
            return False
    # An item that is none of the others decides, on whichever side it stands.
    table = [[comparison.same_item(item, other) for other in rest] for item in single]
    if any(set(row) == {False} for row in (*table, *zip(*table, strict=True))):
        return False
    return None if single else True


def _items(node: Node) -> list[Node]:
    r"""The items of a list or set; an item with `\pm` counts as its values."""
    whole = kind_of(node) in (LIST, SET)
    items = node.items if whole and isinstance(node, (Listing, Bracketed)) else (node,)
    return [value for item in items for value in alternatives(item)]


def _repeats_freely(node: Node) -> bool:
    return kind_of(node) == SET or (isinstance(node, Listing) and node.joined == "or")


def _without_repeats(comparison: Comparison, items: Sequence[Node]) -> list[Node]:
    kept: list[Node] = []
    for item in items:
        if not any(comparison.same_item(item, other) for other in kept):
            kept.append(item)
    return kept


def parts_with_names(comparison: Comparison, left: Listing, right: Listing) -> Decision:
    """`x = 1, y = 2` and `1, 2`: the names go where the other side has none."""
    values = assigned(left.items)
    if values is left.items or any(isinstance(item, Relation) for item in right.items):
        return PASS
    if len(values) != len(right.items):
        return False
    return all_same([_matched(comparison, values, right.items)])
