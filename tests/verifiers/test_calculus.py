"""Integrals, sums, functions and powers with names are decided here, without sympy, and in time."""

from __future__ import annotations

import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mindspeed_rl_ext.verifiers import Outcome, Policy, equivalent

ALONE = Policy(symbolic=False)

SAME = [
    (r"\int_0^1 x^2 dx", r"\frac13"),
    (r"\int_0^a x^2\,dx", r"\frac{a^3}{3}"),
    (r"\int_0^{\pi} 7\sin x dx", "14"),
    (r"\int_0^1 \frac{dx}{1+x^2}", r"\frac{\pi}{4}"),
    (r"2\int_0^1 \frac{x dx}{1+x^2}+1", r"\ln 2+1"),
    (r"\int_{-\infty}^{\infty} e^{-x^2} dx", r"\sqrt{\pi}"),
    (r"\int_0^1 \frac{1}{\sqrt{x}} dx", "2"),
    (r"\int_0^\infty \frac{x^3}{e^x-1} dx", r"\frac{\pi^4}{15}"),
    (r"\int_0^1\int_0^1 xy dx dy", "1/4"),
    (r"\int_0^1 \int_0^x e^{y} dy dx", "e-2"),
    (r"\sum_{k=1}^{n} k^2", r"\frac{n(n+1)(2n+1)}{6}"),
    (r"\sum_{k=1}^{10^8} k", "5000000050000000"),
    (r"\sum_{n=1}^{\infty} \frac{1}{n^2}", r"\frac{\pi^2}{6}"),
    (r"\sum_{n=1}^\infty \frac{(-1)^{n+1}}{n}", r"\ln 2"),
    (r"\sum_{n=0}^{\infty} \frac{1}{n!}", "e"),
    (r"\sum_{n=0}^{\infty} e^{-n}", r"\frac{e}{e-1}"),
    (r"\cos 36^\circ", r"\frac{1+\sqrt5}{4}"),
    (r"\cos\frac{\pi}{7}-\cos\frac{2\pi}{7}+\cos\frac{3\pi}{7}", "1/2"),
    (r"\cos(x-\frac{\pi}{2})", r"\sin x"),
    (r"\sin 3x", r"3\sin x-4\sin^3 x"),
    (r"\tan(a+b)", r"\frac{\tan a+\tan b}{1-\tan a\tan b}"),
    (r"\sec^2 x", r"1+\tan^2 x"),
    (r"\cos^2\frac{x}{2}", r"\frac{1+\cos x}{2}"),
    (r"\sinh 2x", r"2\sinh x\cosh x"),
    (r"\ln(ab)", r"\ln a+\ln b"),
    (r"\log_2 3", r"\frac{\log 3}{\log 2}"),
    (r"2^{n}\cdot 3^{n}", "6^n"),
    (r"2^{n+1/2}", r"\sqrt2\cdot 2^n"),
    (r"x^n x", "x^{n+1}"),
    ("|x-1|", "|1-x|"),
]

NOT_SAME = [
    (r"\int_0^1 x^2 dx", r"\frac12"),
    (r"\int_0^1 x dy", r"\frac12"),
    (r"\int x dx", r"\frac{x^2}{2}"),
    (r"\int_{-1}^1 \frac{1}{x} dx", "0"),
    (r"\sum_{n=1}^{\infty} \frac{1}{n^3}", "1.2"),
    (r"\sum_{n=1}^{\infty} (-1)^n", r"-\frac12"),
    (r"\sum_{n=1}^{\infty} (-1)^n\frac{n+1}{n}", r"-\frac12-\ln 2"),
    (r"\sum_{k=1}^{n} k", r"\frac{n(n-1)}{2}"),
    (r"(-1)^n", "1"),
    (r"(-1)^{2n}", "-1"),
    ("i^n", "1"),
    ("(ix)^n", "x^n"),
    ("(x-y)^n", "(y-x)^n"),
    (r"\sin(x+\pi)", r"\sin x"),
    (r"\sin x^\circ", r"\sin x"),
    (r"\ln(a+b)", r"\ln a+\ln b"),
    (r"\cos 36^\circ", r"\frac{1+\sqrt5}{5}"),
    ("e^{50}+1", "e^{50}"),
    (r"e^{-50}+1", "1"),
    (r"\sqrt{x^2}", "x"),
]


@pytest.mark.parametrize(("prediction", "reference"), SAME)
def test_an_identity_is_accepted_without_sympy(prediction: str, reference: str) -> None:
    for pair in ((prediction, reference), (reference, prediction)):
        assert equivalent(*pair, policy=ALONE).outcome is Outcome.CORRECT


@pytest.mark.parametrize(("prediction", "reference"), NOT_SAME)
def test_what_is_no_identity_is_not(prediction: str, reference: str) -> None:
    for pair in ((prediction, reference), (reference, prediction)):
        assert equivalent(*pair).outcome is not Outcome.CORRECT


@given(st.lists(st.integers(-9, 9), min_size=1, max_size=6), st.integers(-5, 5), st.integers(-5, 5))
def test_integrals_of_polynomials_are_exact(coefficients: list[int], low: int, high: int) -> None:
    body = "+".join(f"({c})x^{{{k}}}" if k else f"({c})" for k, c in enumerate(coefficients))
    worth = sum(
        (
            Fraction(c * (high ** (k + 1) - low ** (k + 1)), k + 1)
            for k, c in enumerate(coefficients)
        ),
        Fraction(0),
    )
    text = rf"\int_{{{low}}}^{{{high}}} ({body}) dx"
    off = worth + Fraction(1, 10**9)
    assert equivalent(text, f"{worth}", policy=ALONE).outcome is Outcome.CORRECT
    assert equivalent(text, f"{off}", policy=ALONE).outcome is Outcome.WRONG


@given(
    st.lists(st.integers(-9, 9), min_size=1, max_size=6), st.integers(-3, 3), st.integers(0, 300)
)
def test_sums_of_polynomials_are_exact(coefficients: list[int], first: int, more: int) -> None:
    body = "+".join(f"({c})k^{{{n}}}" if n else f"({c})" for n, c in enumerate(coefficients))
    worth = sum(
        c * k**n for k in range(first, first + more + 1) for n, c in enumerate(coefficients)
    )
    text = rf"\sum_{{k={first}}}^{{{first + more}}} ({body})"
    assert equivalent(text, f"{worth}", policy=ALONE).outcome is Outcome.CORRECT
    assert equivalent(text, f"{worth + 1}", policy=ALONE).outcome is Outcome.WRONG


@given(st.integers(1, 9), st.integers(1, 9), st.floats(-3, 3))
def test_an_integral_is_worth_what_its_antiderivative_says(a: int, b: int, shift: float) -> None:
    high = a / 3
    text = rf"\int_0^{{{a}/3}} {b}\cos({b}x) dx"
    assert equivalent(text, rf"\sin({a * b}/3)", policy=ALONE).outcome is Outcome.CORRECT
    if abs(shift) > 1e-3:
        other = f"{math.sin(b * high) + shift:.6f}"
        assert equivalent(text, other, policy=ALONE).outcome is not Outcome.CORRECT


@pytest.mark.parametrize(
    ("prediction", "reference"),
    [
        ("34, 351*sqrt(53)", "8, 9 (15,-29)"),
        (r"8, 9 \ \infty9", r"8^\circ, 9"),
        ("460a_3 = 2, a_{37} = 19", " -2,1"),
        (r"\sqrt{\sqrt{\sqrt{\pi}}}", r"((8!+8)+(1+\sqrt{5}))\pi"),
        (r"\sqrt{(5\frac12)+\frac87}+8+\sqrt5", "1"),
    ],
)
def test_the_order_of_the_sides_does_not_matter(prediction: str, reference: str) -> None:
    """What an hour of fuzzing found."""
    there = equivalent(prediction, reference, policy=ALONE).outcome
    assert there is equivalent(reference, prediction, policy=ALONE).outcome
    assert there is not Outcome.CORRECT
