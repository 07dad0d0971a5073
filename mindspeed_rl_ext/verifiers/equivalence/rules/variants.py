r"""What else two answers may mean, where they differ as they stand.

Covers: `\log` without its base, degree signs on one side, parameters and constants of integration
under other names. Each variant gives pairs of trees that take the place of the two; one that is
the same mathematics decides.
Does not cover: other spellings of a text (`spelling`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction
from itertools import permutations
from typing import NamedTuple

from mindspeed_rl_ext.verifiers.equivalence.answers.answer import Answer
from mindspeed_rl_ext.verifiers.equivalence.answers.units import parse_unit
from mindspeed_rl_ext.verifiers.equivalence.reading.substitution import substituted
from mindspeed_rl_ext.verifiers.equivalence.reading.tree import (
    Call,
    Listing,
    Node,
    Number,
    Product,
    Relation,
    Sequence,
    Sum,
    Symbol,
    all_names,
    calls,
    children,
    mapped,
    symbols,
    words,
)
from mindspeed_rl_ext.verifiers.equivalence.rules.kinds import assigned, is_domain

Pairs = Iterator[tuple[Node, Node]]
Example = tuple[str, str, bool]

# Letters that run over the whole numbers, and those that run along a line.
_WHOLE = words("k n m l j K N")
_CONSTANTS = words("C c C_1 C_2 C_3 c_1 c_2 c_3 K A B C_{1} C_{2} C_{3} c_{1} c_{2} c_{3}")
_MAX_CONSTANTS = 3


class Variant(NamedTuple):
    """A row of the table.

    Args:
        name: what `--explain` shows.
        pairs: the pairs of trees that two answers may stand for too.
        examples: pairs that it decides, and whether they are accepted.
    """

    name: str
    pairs: Callable[[Answer, Answer], Pairs]
    examples: tuple[Example, ...]


def _logarithms(left: Answer, right: Answer) -> Pairs:
    r"""`\log` is `\ln` to some and `\log_{10}` to others."""
    if not _has(left, r"\log") and not _has(right, r"\log"):
        return
    if left.tree is None or right.tree is None:
        return
    for name in (r"\ln", r"\lg"):
        yield _with_logarithm(left.tree, name), _with_logarithm(right.tree, name)


def _degrees(left: Answer, right: Answer) -> Pairs:
    r"""`90^\circ - x` and `90 - x`: the sign left out, as a unit may be."""
    if left.tree is None or right.tree is None or _has(left, r"\circ") == _has(right, r"\circ"):
        return
    marked, bare = (left, right) if _has(left, r"\circ") else (right, left)
    if marked.tree is None or bare.tree is None or r"\pi" in all_names(bare.tree):
        return
    if any(
        token.text.startswith("\\") and token.text[1:].isalpha() and token.text in _FUNCTIONS
        for token in marked.tokens
    ):
        return
    stripped = _without_degrees(marked.tree)
    yield (stripped, bare.tree) if marked is left else (bare.tree, stripped)


def _radians(left: Answer, right: Answer) -> Pairs:
    r"""`\arcsin\frac12` and `30^\circ`: the angle of a function in degrees."""
    for marked, bare in ((left, right), (right, left)):
        if marked.unit != _DEGREE or bare.unit.name or not marked.tree or not bare.tree:
            continue
        functions = {call.name for call in calls(bare.tree)}
        if functions & _ARCS:
            degree = ((Symbol(r"\pi"), False), (Number(Fraction(180)), True))
            angle = Product(((marked.tree, False), *degree))
            yield (angle, bare.tree) if marked is left else (bare.tree, angle)


_DEGREE = parse_unit("degree")
_ARCS = words(r"\arcsin \arccos \arctan \arccot")
_FUNCTIONS = words(r"\sin \cos \tan \cot \sec \csc")


def _parameters(left: Answer, right: Answer) -> Pairs:
    r"""`n\pi` and `x = k\pi`; `(1+t, 2t)` and `(1+s, 2s)`: a parameter has no name of its own."""
    if left.tree is None or right.tree is None:
        return
    one, other = (_along(_solution(side), side) for side in (left.tree, right.tree))
    mine, theirs = symbols(one), symbols(other)
    if len(mine) != 1 or len(theirs) != 1 or mine == theirs:
        return
    (name,), (new,) = mine, theirs
    whole = name in _WHOLE and new in _WHOLE
    periodic = whole and r"\pi" in all_names(one) and r"\pi" in all_names(other)
    declared = whole and any(map(_declares, (left.tree, right.tree)))
    along = all(_runs_along(node, {name, new}) for node in (one, other))
    if periodic or declared or along:
        yield substituted(one, name, Symbol(new)), other


def _constants(left: Answer, right: Answer) -> Pairs:
    """`c_1 e^x + c_2` and `C_2 e^x + C_1`: constants of integration in any order and case."""
    if left.tree is None or right.tree is None:
        return
    names = [symbols(side.tree) for side in (left, right) if side.tree]
    mine, theirs = (sorted(found & _CONSTANTS) for found in names)
    if len(mine) != len(theirs) or not 0 < len(mine) <= _MAX_CONSTANTS:
        return
    if names[0] - set(mine) != names[1] - set(theirs) or not names[0] - set(mine):
        return
    sums = all(_has_sum(side.tree) for side in (left, right) if side.tree)
    if not sums and {name[0] for name in (*mine, *theirs)} != {"C", "c"}:
        return
    for order in permutations(theirs):
        changed = left.tree
        for index, name in enumerate(mine):
            changed = substituted(changed, name, Symbol(f"constant {index}"))
        for index, name in enumerate(order):
            changed = substituted(changed, f"constant {index}", Symbol(name))
        yield changed, right.tree


VARIANTS: tuple[Variant, ...] = (
    Variant(
        "a logarithm without its base", _logarithms,
        ((r"\log(e)", "1", True), (r"\log 100", "2", True), (r"\log 100", "3", False)),
    ),
    Variant(
        "degree signs left out", _degrees,
        ((r"90^\circ - x", "90-x", True), (r"\sin 30^\circ", r"\sin 30", False)),
    ),
    Variant(
        "degrees and radians", _radians,
        ((r"\arcsin\frac12", r"30^\circ", True), (r"\arctan 1", r"44^\circ", False)),
    ),
    Variant(
        "a parameter under another name", _parameters,
        (
            (r"n\pi", r"x = k\pi", True),
            ("(-32 + 3t, 64 - 5t)", "(-32 + 3x, 64 - 5x)", True),
            ("n", "k", False),
            ("(a, 2)", "(b, 2)", False),
        ),
    ),
    Variant(
        "constants of integration", _constants,
        (
            ("c_1e^x+c_2e^{-x}", "C_1e^{x}+C_2e^{-x}", True),
            (r"\ln|x|+C", r"\ln|x|+c", True),
            ("K", "k", False),
        ),
    ),
)  # fmt: skip


def _has(answer: Answer, text: str) -> bool:
    return any(token.text == text for token in answer.tokens)


def _with_logarithm(node: Node, name: str) -> Node:
    changed = mapped(node, lambda inner: _with_logarithm(inner, name))
    if isinstance(changed, Call) and changed.name == r"\log" and len(changed.arguments) == 1:
        return Call(name, changed.arguments)
    return changed


def _without_degrees(node: Node) -> Node:
    """Without the factor that a degree sign stands for."""
    changed = mapped(node, _without_degrees)
    if isinstance(changed, Product) and len(changed.factors) == 3:
        (inner, _), sign, under = changed.factors
        degree = sign == (Symbol(r"\pi"), False) and under[1] and isinstance(under[0], Number)
        if degree and isinstance(under[0], Number) and under[0].value == 180:
            return inner
    return changed


def _solution(node: Node) -> Node:
    """Without `x =` before it and `k \\in Z` behind it."""
    if isinstance(node, Listing):
        kept = tuple(_solution(item) for item in node.items if not is_domain(item))
        return kept[0] if len(kept) == 1 else Listing(kept, node.joined)
    if isinstance(node, Relation) and node.signs == ("=",) and isinstance(node.sides[0], Symbol):
        return node.sides[1]
    return node


def _along(node: Node, whole: Node) -> Node:
    """`x=2+3t, y=1-t` as the tuple of its values."""
    items = whole.items if isinstance(whole, Listing) else ()
    values = assigned(items)
    named = bool(items) and values is not items
    return Sequence("(", ")", tuple(values)) if named else node


def _declares(node: Node) -> bool:
    return is_domain(node) or (isinstance(node, Listing) and any(map(is_domain, node.items)))


def _runs_along(node: Node, names: set[str]) -> bool:
    """Whether a parameter stands in two items of a tuple at least."""
    if not isinstance(node, Sequence) or node.opening != "(":
        return False
    return sum(bool(symbols(item) & names) for item in node.items) > 1


def _has_sum(node: Node) -> bool:
    return isinstance(node, Sum) or any(map(_has_sum, children(node)))
