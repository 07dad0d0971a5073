"""What a tree is apart from its value: its kind, and whether it is a name, a quantity, a head.

Covers: the kinds by which the table of rules is looked up, and the questions that rules ask of one
tree. Does not cover: comparing.
"""

from __future__ import annotations

from collections.abc import Sequence

from mindspeed_rl_ext.verifiers.equivalence.reading.tree import (
    CONSTANTS,
    Based,
    Call,
    Cases,
    Joined,
    Listing,
    Matrix,
    Node,
    Number,
    Power,
    Product,
    Relation,
    Sum,
    Symbol,
    symbols,
    words,
)
from mindspeed_rl_ext.verifiers.equivalence.reading.tree import Sequence as Bracketed
from mindspeed_rl_ext.verifiers.equivalence.values.signs import has_double_sign

FLIPPED = {"=": "=", "!=": "!=", "<": ">", ">": "<", "<=": ">=", ">=": "<="}

VALUE, NAME, NUMERAL = "value", "name", "numeral"
RESIDUE, DOUBLE, RATIO, FLOOR = "residue", "double", "ratio", "bracketed value"
TUPLE, INTERVAL, SET, LIST, UNION = "tuple", "interval", "set", "list", "union"
RELATION, MATRIX, CASES = "relation", "matrix", "cases"
ALL = frozenset({
    VALUE, NAME, NUMERAL, RESIDUE, DOUBLE, RATIO, FLOOR, TUPLE, INTERVAL, SET, LIST, UNION,
    RELATION, MATRIX, CASES,
})  # fmt: skip
VALUES = frozenset({VALUE, NAME})

_BY_TYPE = {
    Number: VALUE, Based: NUMERAL, Listing: LIST, Joined: UNION, Matrix: MATRIX,
    Relation: RELATION, Cases: CASES,
}  # fmt: skip
_BY_CALL = {"mod": RESIDUE, "setminus": UNION, "cap": UNION, "bracket": FLOOR}
_BY_BRACKETS = {("(", ")"): TUPLE, (r"\{", r"\}"): SET, (":", ":"): RATIO}
# Calls that are operations on their arguments, not functions with a name of the author's.
_OPERATIONS = words("root abs floor ceil factorial factorial2 binom mod cap setminus cross zeta")


def kind_of(node: Node) -> str:
    """The kind of a tree, one of ALL.

    Example:
        >>> kind_of(Symbol("x")), kind_of(Listing((Symbol("x"),)))
        ('name', 'list')
    """
    found = _BY_TYPE.get(type(node))
    if found is not None:
        return found
    if isinstance(node, Symbol):
        return NAME
    if isinstance(node, Bracketed):
        found = _BY_BRACKETS.get((node.opening, node.closing), INTERVAL)
        return DOUBLE if found == TUPLE and has_double_sign(node) else found
    if isinstance(node, Call) and node.name in _BY_CALL:
        return _BY_CALL[node.name]
    return DOUBLE if has_double_sign(node) else VALUE


def is_name(node: Node) -> bool:
    r"""What may stand for a value: `x`, `f(x)`, `|AB|`, `(p, q)`, `f^{-1}(3)`."""
    if isinstance(node, Bracketed):
        return node.opening == "(" and all(isinstance(item, Symbol) for item in node.items)
    if isinstance(node, Symbol):
        return node.name not in CONSTANTS and node.name not in (r"\infty", r"\emptyset", "...")
    if isinstance(node, Call) and node.name == "abs":
        return _is_segment(node.arguments[0])
    return is_head(node)


def is_head(node: Node) -> bool:
    """Whether a tree is a function of the author's at its arguments, such as `f(x)`."""
    return isinstance(node, Call) and node.name[0] != "\\" and node.name not in _OPERATIONS


def without_domains(items: Sequence[Node]) -> Sequence[Node]:
    r"""Without the `k \in \mathbb{Z}` of `k\pi, k \in \mathbb{Z}`: it only says what k is."""
    return [item for item in items if not is_domain(item)] or items


def is_domain(node: Node) -> bool:
    r"""Whether a tree is `k \in \mathbb{Z}`."""
    return (
        isinstance(node, Relation)
        and node.signs == ("in",)
        and isinstance(node.sides[1], Symbol)
        and node.sides[1].name.startswith(r"\mathbb")
    )


def is_quantity(node: Node) -> bool:
    r"""What names a quantity without saying how large: `AB`, `AB^2`, `\frac{NO}{BO}`, `\sin A`."""
    if isinstance(node, Product):
        return _is_length(node) or all(is_quantity(factor) for factor, _ in node.factors)
    if isinstance(node, Power):
        return isinstance(node.exponent, Number) and (
            _is_segment(node.base) or is_head(node.base) or _is_accented(node.base)
        )
    if isinstance(node, Sum):
        # `x_1 + x_2`, of numbers of one kind; `x + y = 5` is a line.
        names = [term.name if isinstance(term, Symbol) else "" for _, term in node.terms]
        letters = {name.partition("_")[0] for name in names}
        return len(names) > 1 and len(letters) == 1 and all("_" in name for name in names)
    if isinstance(node, Bracketed):
        return node.opening == ":" and all(is_quantity(item) for item in node.items)
    if isinstance(node, Call):
        return node.name not in ("factorial", "binom", "root") and bool(symbols(node))
    return is_name(node)


def assigned(items: Sequence[Node]) -> Sequence[Node]:
    """The values of `p = 3, q = 2`; the items themselves where they are no such.

    `x_1 = 3, x_2 = 2` are values of one unknown, such as roots: no tuple.
    """
    names = [item.sides[0] for item in items if isinstance(item, Relation)]
    letters = [name.name.partition("_")[0] for name in names if isinstance(name, Symbol)]
    assignments = len(names) == len(items) == len(set(names)) and all(
        isinstance(item, Relation) and item.signs == ("=",) and is_name(item.sides[0])
        for item in items
    )
    if not assignments or len(set(letters)) < len(letters):
        return items
    return [item.sides[1] for item in items if isinstance(item, Relation)]


def may_be_time(ratio: Bracketed) -> bool:
    """Whether `a:b` may be a time: its last part has two digits, or a part is zero."""
    numbers = [item.value for item in ratio.items if isinstance(item, Number)]
    last = ratio.items[-1]
    two_digits = isinstance(last, Number) and last.value.denominator == 1 and last.value >= 10
    return two_digits or 0 in numbers


def _is_segment(node: Node) -> bool:
    """`AB`, as in the length `|AB|`."""
    factors = node.factors if isinstance(node, Product) else ()
    return len(factors) == 2 and all(
        isinstance(factor, Symbol) and factor.name.isupper() for factor, _ in factors
    )


def _is_length(node: Product) -> bool:
    """`AB^2`, the square of the length of AB."""
    *letters, last = (factor for factor, divides in node.factors if not divides)
    base = last.base if isinstance(last, Power) else last
    names = [letter.name for letter in (*letters, base) if isinstance(letter, Symbol)]
    return len(names) == len(node.factors) == 2 and "".join(names).isupper()


def _is_accented(node: Node) -> bool:
    return isinstance(node, Symbol) and node.name.startswith((r"\overline", r"\bar", r"\vec"))


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
