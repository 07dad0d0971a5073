"""Two trees compared by the table of rules, at the points of a field.

Covers: looking up the rules of two kinds, trying them in their order, the path that they leave.
Does not cover: the rules themselves (`table` names them). Every answer is True, False or None:
None where the rules do not decide.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from enum import Enum
from fractions import Fraction
from functools import cached_property
from typing import Any

from mindspeed_rl_ext.verifiers.equivalence.policy import Policy
from mindspeed_rl_ext.verifiers.equivalence.reading.tree import Node, UnreadableError
from mindspeed_rl_ext.verifiers.equivalence.rules.kinds import VALUES, kind_of
from mindspeed_rl_ext.verifiers.equivalence.values.approximate import real_size, same_number
from mindspeed_rl_ext.verifiers.equivalence.values.exact import exact_value
from mindspeed_rl_ext.verifiers.equivalence.values.field import Field


class Pass(Enum):
    """What a rule answers for a pair that it has nothing to say about."""

    PASS = "pass"


PASS = Pass.PASS
Decision = bool | None | Pass
Decide = Callable[["Comparison", Any, Any], Decision]
# Name, rule, and whether it takes the two sides the other way round.
Rules = Sequence[tuple[str, Decide, bool]]


class Comparison:
    """Compares trees at the points of a field.

    Args:
        field: a point modulo a prime.
        policy: the conventions.
        rules: the rules for two kinds, in order; `table.rules_for`.
    """

    def __init__(self, field: Field, policy: Policy, rules: Callable[[str, str], Rules]) -> None:
        self.field = field
        self.policy = policy
        self._rules = rules
        # The names of the rules that decided, the innermost first.
        self.path: list[str] = []
        # In how many digits closed values agreed, where no exact rule decided.
        self.digits = 0
        # Ends of intervals that are no rational numbers, and the number that stands for each.
        self._ends: list[tuple[Node, float]] = []

    @cached_property
    def other(self) -> Field:
        """An independent point modulo the same prime, which equations need."""
        return self.field.elsewhere(-1)

    def same(self, left: Node, right: Node) -> bool | None:
        """Whether two trees are the same mathematics; None where that is not decided."""
        if left == right:
            self.path.append("identical")
            return True
        for name, decide, swapped in self._rules(kind_of(left), kind_of(right)):
            decision = decide(self, right, left) if swapped else decide(self, left, right)
            if decision is not PASS:
                self.path.append(name)
                return decision
        self.path.append("no rule for these kinds")
        return None

    def same_item(self, item: Node, other: Node) -> bool | None:
        """One that has no value decides nothing: the order of the items is not to matter."""
        try:
            return self.same(item, other)
        except UnreadableError:
            return None

    def ordered(self, left: Iterable[Node], right: Iterable[Node]) -> bool | None:
        """Whether the items are the same in their order."""
        return all_same(self.same_item(a, b) for a, b in zip(left, right, strict=True))

    def exact(self, node: Node) -> Fraction | None:
        """The rational value of a tree, where it has one."""
        exact = exact_value(node)
        if exact is not None or kind_of(node) not in VALUES:
            return exact
        return self.field.value(node).exact

    def end(self, node: Node) -> Fraction | float | None:
        """The number that an end of an interval is; equal ends have equal numbers."""
        if kind_of(node) not in VALUES:
            return None
        exact = self.exact(node)
        return exact if exact is not None else self._irrational(node)

    def _irrational(self, node: Node) -> float | None:
        for known, number in self._ends:
            if self.same_item(known, node):
                return number
        value = real_size(node)
        if value is not None:
            self._ends.append((node, value))
        return value

    def agree_in_digits(self, left: Node, right: Node) -> bool | None:
        """Whether two closed values agree in digits; notes how many."""
        found = same_number(left, right)
        if found is None:
            return None
        self.digits = found[1]
        return found[0]


def is_structure(node: Node) -> bool:
    """Whether a tree is more than one value."""
    return kind_of(node) not in VALUES


def all_same(decisions: Iterable[bool | None]) -> bool | None:
    """True where all are, False where one is, else None."""
    undecided = False
    for decision in decisions:
        if decision is False:
            return False
        undecided |= decision is None
    return None if undecided else True
