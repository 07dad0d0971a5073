r"""Rules for values: numbers, expressions, residues, ratios, numerals with a base.

Covers: rational values exactly; identities at a random point modulo a prime; closed values and
identities with roots to 50 digits where that does not decide; ratios; congruences; `[x]`.
Does not cover: structures.
"""

from __future__ import annotations

from mindspeed_rl_ext.verifiers.equivalence.reading.tree import (
    Call,
    Node,
    Number,
    Power,
    Product,
    Sum,
    calls,
    children,
    symbols,
)
from mindspeed_rl_ext.verifiers.equivalence.reading.tree import Sequence as Bracketed
from mindspeed_rl_ext.verifiers.equivalence.rules.comparison import (
    PASS,
    Comparison,
    Decision,
    all_same,
    is_structure,
)
from mindspeed_rl_ext.verifiers.equivalence.rules.kinds import RESIDUE, kind_of, may_be_time
from mindspeed_rl_ext.verifiers.equivalence.values.approximate import (
    is_rounding,
    same_at_real_points,
)
from mindspeed_rl_ext.verifiers.equivalence.values.exact import exact_value
from mindspeed_rl_ext.verifiers.equivalence.values.field import NoSquareRootError
from mindspeed_rl_ext.verifiers.equivalence.values.functions import HYPERBOLIC, TRIGONOMETRIC

# A wrong sign survives so many points with a chance of one in a million.
_CONFIRMATIONS = 20
_ATTEMPTS = 160


def values(comparison: Comparison, left: Node, right: Node) -> Decision:
    """Two values: exactly, then at a random point, then by their digits."""
    if is_rounding(left, right) or is_rounding(right, left):
        return True
    one, other = exact_value(left), exact_value(right)
    if one is not None and other is not None:
        return one == other
    a, b = comparison.field.value(left), comparison.field.value(right)
    if a.exact is not None and b.exact is not None:
        return a.exact == b.exact
    if a.residue == b.residue:
        if (a.branched or b.branched) and not _confirmed(comparison, left, right):
            return _by_digits(comparison, left, right)
        # `x - x + 5` is 5 everywhere, yet no answer that a reader would take for 5.
        return True if _same_names(left, right) else None
    if not (a.opaque or b.opaque):
        return False
    return _by_digits(comparison, left, right)


def _by_digits(comparison: Comparison, left: Node, right: Node) -> bool | None:
    if symbols(left) | symbols(right):
        return same_at_real_points(left, right) or None
    return comparison.agree_in_digits(left, right)


def congruent(comparison: Comparison, left: Node, right: Node) -> Decision:
    r"""`12 \pmod 7` is `5 \pmod 7`; a number alone has to be the least residue."""
    if kind_of(right) != RESIDUE:
        if is_structure(right):
            return None
        parts = [comparison.exact(part) for part in (right, *children(left))]
        value, given, modulus = parts
        if value is None or given is None or modulus is None:
            return None
        return True if 0 <= value < modulus and value == given % modulus else None
    (one, modulus_of_one), (two, modulus_of_two) = children(left), children(right)
    if not comparison.same(modulus_of_one, modulus_of_two):
        return False
    values_of = [comparison.exact(side) for side in (one, two)]
    modulus = comparison.exact(modulus_of_one)
    if values_of[0] is None or values_of[1] is None or not modulus:
        return comparison.same(one, two) or None
    return (values_of[0] - values_of[1]) % modulus == 0


def ratios(comparison: Comparison, left: Bracketed, right: Bracketed) -> Decision:
    """`2:4` is `1:2`; `6:30` may be a time, so two digits have to be the same."""
    if len(left.items) != len(right.items):
        return False
    if comparison.ordered(left.items, right.items):
        return True
    first, second = left.items[0], right.items[0]
    if may_be_time(left) or may_be_time(right):
        return False
    return all_same(
        comparison.same(
            Product(((a, False), (second, False))), Product(((b, False), (first, False)))
        )
        for a, b in zip(left.items[1:], right.items[1:], strict=True)
    )


def ratio_and_value(comparison: Comparison, ratio: Bracketed, other: Node) -> Decision:
    r"""`3:4` and `\frac34`."""
    if len(ratio.items) != 2 or is_structure(other) or may_be_time(ratio):
        return None
    return comparison.same(Product(((ratio.items[0], False), (ratio.items[1], True))), other)


def numerals(comparison: Comparison, left: Node, right: Node) -> Decision:
    """Numerals with a base are the same only digit by digit, which is decided before."""
    return False if type(left) is type(right) else None


def bracketed_value(comparison: Comparison, left: Call, right: Node) -> Decision:
    """`[5]` is 5; `[x]` may be the floor of x, so it is x nowhere else."""
    if isinstance(right, Call) and right.name == "bracket":
        return comparison.same(left.arguments[0], right.arguments[0])
    exact = comparison.exact(left.arguments[0])
    if exact is None or exact.denominator != 1:
        return None
    return PASS if is_structure(right) else comparison.same(left.arguments[0], right)


def _confirmed(comparison: Comparison, left: Node, right: Node) -> bool:
    """Whether two values agree at many points: each takes square roots of either sign."""
    confirmed = 0
    for attempt in range(_ATTEMPTS):
        field = comparison.field.elsewhere(attempt)
        try:
            if field.value(left).residue != field.value(right).residue:
                return False
        except NoSquareRootError:
            continue
        confirmed += 1
        if confirmed == _CONFIRMATIONS:
            return True
    return False


def _same_names(left: Node, right: Node) -> bool:
    """Whether both have the same names, but for those that a quotient or an identity cancels."""
    one, two = symbols(left), symbols(right)
    if one == two:
        return True
    return (not one - two or _cancels(left, one - two)) and (
        not two - one or _cancels(right, two - one)
    )


def _cancels(node: Node, names: frozenset[str]) -> bool:
    r"""Whether names stand only where a reader sees them vanish: `x/x`, `x^0`, `\sin^2 x`."""
    if not names & symbols(node):
        return True
    if isinstance(node, Product):
        zero = any(isinstance(factor, Number) and not factor.value for factor, _ in node.factors)
        return not zero and all(
            not names & symbols(factor)
            or not isinstance(factor, Sum)
            or (factor, not divides) in node.factors
            for factor, divides in node.factors
        )
    if isinstance(node, Power):
        return isinstance(node.exponent, Number) and not node.exponent.value
    if isinstance(node, Sum):
        trigonometric = {c.name for c in calls(node)} & (TRIGONOMETRIC | HYPERBOLIC)
        return bool(trigonometric) or all(_cancels(term, names) for _, term in node.terms)
    return False
