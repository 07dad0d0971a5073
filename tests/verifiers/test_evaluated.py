"""How far an answer is worked out: what is left undone is refused where the reference has none."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mindspeed_rl_ext.verifiers import Outcome, Policy, equivalent

AS_REFERENCE = Policy(evaluated="as_reference")
STRICT = Policy(evaluated="strict")

UNDONE = [
    (r"\dbinom{31}{28}", "4495", "combinatorics"),
    ("513^2 - 487^2", "26000", "arithmetic"),
    (r"\log_2 3 \cdot \log_3 4", "2", "function"),
    ("2^{10}", "1024", "arithmetic"),
    (r"x = 2 \cdot 3", "6", "arithmetic"),
    (r"\frac{3+4}{2}", "3.5", "arithmetic"),
    (r"\frac12+\frac13", r"\frac56", "arithmetic"),
    (r"\sin 30^\circ", r"\frac12", "function"),
    (r"\sqrt{1296}", "36", "root"),
    (r"\sqrt[3]{8}", "2", "root"),
    ("5!", "120", "combinatorics"),
    (r"\sum_{k=1}^{10} k", "55", "arithmetic"),
    (r"\int_0^1 x dx", r"\frac12", "arithmetic"),
    (r"\gcd(4, 6)", "2", "function"),
    (r"\lfloor 3.7 \rfloor", "3", "function"),
    (r"12 \pmod 7", r"5", None),
    ("(1+2, 3)", "(3, 3)", "arithmetic"),
    (r"\begin{vmatrix}1&2\\3&4\end{vmatrix}", "-2", "arithmetic"),
    (r"(-k + 4) + (-2 + 3k) \cdot 1", "2k+2", "arithmetic"),
    (r"3\sqrt2 + \sqrt2", r"4\sqrt2", "arithmetic"),
    ("5x - 2x + y", "3x+y", "arithmetic"),
    (r"\sqrt{338}", r"13\sqrt2", "a square under a root"),
    (r"\frac{4}{\sqrt{32}}", r"\frac{\sqrt2}{2}", "a square under a root"),
    (r"\sqrt{\sqrt{12}}", r"\sqrt[4]{12}", "a root of a root"),
    (r"\frac{19}{160}", "0.11875", "division"),
    (r"x = \frac{7}{40}", "0.175", "division"),
    (r"\frac{\csc x}{\cos x}-\frac{\cos x}{\sin x}", r"\tan x", "a sum of quotients"),
]
DONE = [
    (r"\frac{6}{4}", "1.5"), (r"2\sqrt{12}", r"4\sqrt3"), ("(x+1)^2", "x^2+2x+1"),
    (r"3\times 10^8", "300000000"), ("x = 2+3 = 5", "5"), ("2^{10}", r"2 \cdot 2^{9}"),
    ("3 1/2", "3.5"), (r"\frac{1}{\sqrt2}", r"\frac{\sqrt2}{2}"), ("2, 1", "1, 2"),
    (r"\ln 8", r"3\ln 2"), (r"\frac{1+\sqrt5}{2}", r"\frac12+\frac{\sqrt5}{2}"),
    ("1+2i", "2i+1"), (r"5 \text{ cm}", "5"), ("-3", "-3.0"), (r"\frac{2\pi}{4}", r"\frac{\pi}{2}"),
    (r"\binom{n}{2}", r"\frac{n(n-1)}{2}"), (r"\sin 2x", r"2\sin x\cos x"),
    (r"\sqrt{2-\sqrt3}", r"\frac{\sqrt6-\sqrt2}{2}"), (r"\sqrt{3+2\sqrt2}", r"1+\sqrt2"),
    (r"30^\circ 30'", r"30.5^\circ"), (r"\Gamma(n+1)", "n!"), (r"\sqrt{98}", r"7\sqrt2"),
    (r"\frac{1}{\sqrt8}", r"\frac{\sqrt2}{4}"), (r"-\frac{9}{8}", "-1.125"), ("15/100", "0.15"),
    (r"10^{-3}", "0.001"), (r"\frac{x}{20}", "0.05x"), ("ab+5b+2a+10", "(a+5)(b+2)"),
    (r"\frac{1}{x-1}-\frac{1}{x+1}", r"\frac{2}{x^2-1}"), (r"\tan x", r"\frac{\sin x}{\cos x}"),
]  # fmt: skip


@pytest.mark.parametrize(("prediction", "reference", "kind"), UNDONE)
def test_what_is_left_undone_is_restated_and_scores_as_wrong(
    prediction: str, reference: str, kind: str | None
) -> None:
    verdict = equivalent(prediction, reference, policy=AS_REFERENCE)
    assert verdict.outcome is not Outcome.CORRECT
    assert verdict.score == 0.0
    if kind is not None:
        assert equivalent(prediction, reference).outcome is Outcome.CORRECT
        assert verdict.outcome is Outcome.RESTATED


@pytest.mark.parametrize(("prediction", "reference"), DONE)
def test_forms_of_a_result_are_accepted(prediction: str, reference: str) -> None:
    assert equivalent(prediction, reference, policy=AS_REFERENCE).outcome is Outcome.CORRECT


@pytest.mark.parametrize(("prediction", "reference", "kind"), UNDONE)
def test_an_expression_is_as_far_as_itself(
    prediction: str, reference: str, kind: str | None
) -> None:
    for policy in (AS_REFERENCE, STRICT):
        assert equivalent(prediction, prediction, policy=policy).outcome is Outcome.CORRECT
        again = rf"\left({prediction}\right)" if "," not in prediction else prediction
        if "=" not in prediction:
            assert equivalent(again, prediction, policy=policy).outcome is Outcome.CORRECT


def test_strict_wants_fractions_reduced() -> None:
    for prediction in (r"\frac{6}{4}", "6/4", r"\frac{12}{8}"):
        assert equivalent(prediction, r"\frac32", policy=AS_REFERENCE).outcome is Outcome.CORRECT
        assert equivalent(prediction, r"\frac32", policy=STRICT).outcome is Outcome.RESTATED
    assert equivalent("3/2", "1.5", policy=STRICT).outcome is Outcome.CORRECT


@given(st.integers(-99, 99), st.integers(2, 99), st.sampled_from(["+", "-", r"\cdot"]))
def test_arithmetic_of_two_numbers_is_undone_beside_its_value(a: int, b: int, sign: str) -> None:
    value = {"+": a + b, "-": a - b, r"\cdot": a * b}[sign]
    text = f"{a} {sign} {b}"
    assert equivalent(text, str(value)).outcome is Outcome.CORRECT
    assert equivalent(text, str(value), policy=AS_REFERENCE).outcome is Outcome.RESTATED
    assert equivalent(str(value), text, policy=AS_REFERENCE).outcome is Outcome.CORRECT


def test_a_wrong_expression_is_wrong_and_not_restated() -> None:
    assert equivalent("2+2", "5", policy=AS_REFERENCE).outcome is Outcome.WRONG
