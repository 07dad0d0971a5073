"""Arithmetic is exact, agrees with Python's own fractions, and refuses what is no arithmetic."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mindspeed_rl_ext.verifiers.responses.arithmetic import Evaluated, Refused, evaluate


class Tree:
    """A random expression that knows its value without any parser."""

    def __init__(self, operator: str, left: object, right: object) -> None:
        self.operator, self.left, self.right = operator, left, right


TREES = st.recursive(
    st.integers(0, 99),
    lambda inner: st.builds(Tree, st.sampled_from("+-*/"), inner, inner),
    max_leaves=12,
)


def value(tree: object) -> Fraction:
    if isinstance(tree, int):
        return Fraction(tree)
    assert isinstance(tree, Tree)
    a, b = value(tree.left), value(tree.right)
    if tree.operator == "/":
        return a / b
    return a + b if tree.operator == "+" else a - b if tree.operator == "-" else a * b


def leaves(tree: object) -> list[int]:
    return [tree] if isinstance(tree, int) else leaves(tree.left) + leaves(tree.right)  # type: ignore[attr-defined]


def plain(tree: object) -> str:
    if isinstance(tree, int):
        return str(tree)
    assert isinstance(tree, Tree)
    return f"({plain(tree.left)} {tree.operator} {plain(tree.right)})"


def latex(tree: object) -> str:
    if isinstance(tree, int):
        return f"{{{tree}}}"
    assert isinstance(tree, Tree)
    if tree.operator == "/":
        return rf"\dfrac{{{latex(tree.left)}}}{{{latex(tree.right)}}}"
    sign = {"*": r"\times", "+": "+", "-": "−"}[tree.operator]
    return rf"\left({latex(tree.left)}{sign} {latex(tree.right)}\right)"


@given(TREES)
def test_both_notations_have_the_value_of_the_tree(tree: object) -> None:
    try:
        expected = value(tree)
    except ZeroDivisionError:
        assert evaluate(plain(tree)) == Refused("division by zero")
        return
    for written in (plain(tree), latex(tree)):
        assert evaluate(written) == Evaluated(expected, tuple(leaves(tree)))


@given(st.lists(st.tuples(st.sampled_from("+-*/"), st.integers(1, 99)), max_size=10))
def test_without_brackets_the_usual_precedence_holds(steps: list[tuple[str, int]]) -> None:
    text = "7" + "".join(f" {sign} {number}" for sign, number in steps)
    # An independent reading: terms of signed products, left to right.
    total, term = Fraction(0), Fraction(7)
    for sign, number in steps:
        if sign in "*/":
            term = term * number if sign == "*" else term / number
        else:
            total, term = total + term, Fraction(number if sign == "+" else -number)
    found = evaluate(text)
    assert isinstance(found, Evaluated)
    assert found.value == total + term


@given(st.text(alphabet="0123456789+-*/() .x×\\frac{}=", max_size=20))
def test_any_text_is_evaluated_from_its_own_digits_or_refused(text: str) -> None:
    found = evaluate(text)
    if isinstance(found, Evaluated):
        assert "".join(map(str, found.literals)) == "".join(c for c in text if c.isdigit())
        assert not set(text) & set(".=")
        assert "**" not in text


@pytest.mark.parametrize(
    "text",
    [
        "", "2**3", "8//3", "1.2+3", "05+3", "4 4", "5()", "(5", "5)", "(5]", "5,3", "5+3 # 9",
        "2^3", "3!", "2(3)", r"2\frac{1}{2}", "5+", "*5", "５+３", "٥", "1e3", "x", "5x",
        r"\frac{1}", r"\frac", r"\frac{}{2}", "1/0", "1/(2-2)", "9" * 31, "1+" * 3000 + "1",
        "__import__('os')", "\0",
    ],
)  # fmt: skip
def test_what_is_no_arithmetic_is_refused(text: str) -> None:
    assert isinstance(evaluate(text), Refused)


def test_nesting_costs_no_recursion() -> None:
    assert evaluate("(" * 1900 + "1" + ")" * 1900) == Evaluated(Fraction(1), (1,))
