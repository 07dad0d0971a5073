r"""The table of rules: for each two kinds of trees the rules that may decide, in their order.

A pair goes down the table. A rule whose kinds fit says True, False or None (undecided, which ends
the search too), or PASS, and then the next one is asked. Items of lists and sides of equations go
down the same table. Each rule has examples, which the tests run: a pair, and whether it is
accepted.

Covers: trees. Does not cover: answers that are words, choices, times or measured (`answers`).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any, NamedTuple

from mindspeed_rl_ext.verifiers.equivalence.rules import (
    kinds,
    lists,
    matrices,
    numbers,
    realsets,
    relations,
)
from mindspeed_rl_ext.verifiers.equivalence.rules.comparison import Comparison, Decision, Rules
from mindspeed_rl_ext.verifiers.equivalence.rules.kinds import (
    CASES,
    DOUBLE,
    FLOOR,
    INTERVAL,
    LIST,
    MATRIX,
    NUMERAL,
    RATIO,
    RELATION,
    RESIDUE,
    SET,
    TUPLE,
    UNION,
    VALUES,
)

Example = tuple[str, str, bool]


class Rule(NamedTuple):
    """A row of the table.

    Args:
        name: what `--explain` shows.
        left: the kinds of the one side.
        right: the kinds of the other; where only the other order fits, the sides are swapped.
        decide: compares, given the comparison and both trees.
        examples: pairs that the rule decides, and whether they are accepted.
    """

    name: str
    left: frozenset[str]
    right: frozenset[str]
    decide: Callable[[Comparison, Any, Any], Decision]
    examples: tuple[Example, ...]


_NO_RELATION = kinds.ALL - {RELATION}
_SETS = frozenset({kinds.NAME, INTERVAL, TUPLE, SET, LIST, UNION, RELATION})
_LISTS = frozenset({LIST, SET, DOUBLE})
_BRACKETS = frozenset({TUPLE, INTERVAL})


def _kinds(*names: str) -> frozenset[str]:
    return frozenset(names)


TABLE: tuple[Rule, ...] = (
    Rule(
        "one set of real numbers", _SETS, _SETS, realsets.same_real_set,
        (
            (r"x \ne 3", r"(-\infty,3)\cup(3,\infty)", True),
            (r"x=1 \text{ or } x>2", r"\{1\}\cup(2,\infty)", True),
            (r"[-\sqrt2, 1)", r"-\sqrt{2} \le x < 1", True),
            ("-2<x<3", "x_1=-2, x_2=3", False),
        ),
    ),
    Rule(
        "a relation and what it states", _kinds(RELATION), _NO_RELATION,
        relations.relation_and_other,
        (
            ("x = 5", "5", True),
            (r"\frac13 \approx 0.33", r"\frac13", True),
            (r"\frac13 \approx 0.4", r"\frac13", False),
            (r"x\in(1,2)", "1,2", False),
            ("2x = 10", "10", False),
        ),
    ),
    Rule(
        "two relations", _kinds(RELATION), _kinds(RELATION), relations.relations,
        (
            ("y = 2x+3", "2x - y + 3 = 0", True),
            ("F=ma", "a=F/m", True),
            ("-x > -1", "x < 1", True),
            ("x > -1", "x < 1", False),
        ),
    ),
    Rule(
        "a tuple without brackets", _kinds(LIST), _kinds(TUPLE), lists.bare_tuple,
        (("x=1, y=2", "(1,2)", True), ("1, 2", "(2,1)", False)),
    ),
    Rule(
        "parts with names", _kinds(LIST), _kinds(LIST), lists.parts_with_names,
        (("x=1, y=2", "1,2", True), ("x=1, y=2", "x=2, y=1", False)),
    ),
    Rule(
        "a set of one item", _kinds(SET), VALUES, lists.one_item_set,
        ((r"\{5\}", "5", True), (r"\{2.5\}", "2.5", False)),
    ),
    Rule(
        "items in any order", _LISTS, kinds.ALL, lists.unordered,
        (
            ("2, 1", "1, 2", True),
            (r"\pm 3", "3, -3", True),
            (r"(\pm1,\pm1)", "(1,1),(1,-1),(-1,1),(-1,-1)", True),
            (r"0.5 \text{ or } \frac12", r"\frac12", True),
            ("16, 3, 1", "16, 3, 1, 1", False),
        ),
    ),
    Rule(
        "ratios", _kinds(RATIO), _kinds(RATIO), numbers.ratios,
        (("2:4", "1:2", True), ("6:31", "6:30", False), ("1:00", "12:00", False)),
    ),
    Rule(
        "items in their brackets", _BRACKETS, _BRACKETS, lists.brackets,
        (("(1, 4.5)", r"(1,\frac92)", True), ("(2,1)", "(1,2)", False), ("[1,2)", "(1,2)", False)),
    ),
    Rule(
        "residues", _kinds(RESIDUE), kinds.ALL, numbers.congruent,
        ((r"12 \pmod 7", r"5 \bmod 7", True), (r"12 \pmod 7", "12", False)),
    ),
    Rule(
        "a ratio and a value", _kinds(RATIO), kinds.ALL, numbers.ratio_and_value,
        (("3:4", r"\frac34", True), ("3:40", r"\frac{3}{40}", False)),
    ),
    Rule(
        "unions part by part", _kinds(UNION), _kinds(UNION), lists.unions,
        ((r"(0,a)\cup(b,36)", r"(b,36)\cup(0,a)", True),),
    ),
    Rule(
        "matrices entry by entry", _kinds(MATRIX), _kinds(MATRIX), matrices.matrices,
        (
            (r"\begin{bmatrix}1\\2\end{bmatrix}", r"\begin{pmatrix}1\\\frac42\end{pmatrix}", True),
            (r"\begin{pmatrix}2\\1\end{pmatrix}", r"\begin{pmatrix}1\\2\end{pmatrix}", False),
        ),
    ),
    Rule(
        "a vector and its tuple", _kinds(MATRIX), _BRACKETS, matrices.vector_and_tuple,
        ((r"\begin{pmatrix}1\\2\end{pmatrix}", "(1,2)", True),),
    ),
    Rule(
        "cases in any order", _kinds(CASES), _kinds(CASES), lists.cases,
        (
            (
                r"\begin{cases} x & x\ge 0 \\ -x & x<0\end{cases}",
                r"\begin{cases} -x & x<0 \\ x & x\ge 0\end{cases}",
                True,
            ),
        ),
    ),
    Rule(
        "numerals with a base", _kinds(NUMERAL), kinds.ALL, numbers.numerals,
        (("52_9", "52_8", False), ("52", "52_8", False)),
    ),
    Rule(
        "a value in brackets", _kinds(FLOOR), kinds.ALL, numbers.bracketed_value,
        (("[5]", "5", True), ("[x]", "x", False)),
    ),
    Rule(
        "two values", VALUES, VALUES, numbers.values,
        (
            (r"\frac{2}{4}", "0.5", True),
            ("(x+1)^2", "x^2+2x+1", True),
            (r"\sqrt{2-\sqrt3}", r"\frac{\sqrt6-\sqrt2}{2}", True),
            (r"\sqrt{50}", r"5\sqrt2", True),
            (r"-\frac{\sqrt3}{2}", r"\sqrt{\frac34}", False),
            ("x+1", "x+2", False),
        ),
    ),
)  # fmt: skip


# A function of its arguments alone, of which there are few.
@lru_cache(maxsize=1024)
def rules_for(left: str, right: str) -> Rules:
    """The rules for two kinds, in order, and whether each takes the sides swapped."""
    found = []
    for rule in TABLE:
        if left in rule.left and right in rule.right:
            found.append((rule.name, rule.decide, False))
        elif right in rule.left and left in rule.right:
            found.append((rule.name, rule.decide, True))
    return tuple(found)
