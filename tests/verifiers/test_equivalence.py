"""Equivalence accepts what a mathematician signs, nothing else, and never guesses."""

from __future__ import annotations

import json
from fractions import Fraction
from itertools import combinations, product
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mindspeed_rl_ext.core.responses.text import last_boxed
from mindspeed_rl_ext.verifiers import Outcome, Policy, equivalent

SAME = [
    (r"\frac43", "4/3"), (r"\dfrac{1}{2}", "0.5"), (r"3\frac{1}{2}", r"\frac{7}{2}"),
    ("3 1/2", "3.5"), ("-0", "0"), ("1,000,000", "1000000"), (r"10\,080", "10080"),
    (r"10 \,080", "10080"), (r"10,\!080", "10080"), ("1e-3", "0.001"),
    (r"3\times10^8", "300000000"), (".5", "0.50"),
    ("$10$", "10"), (r"\(10\).", "10"), (r"\text{Evelyn}", "evelyn"), (r"\textbf{(A)}", "A"),
    (r"5 \text{ cm}", "5"), (r"90^\circ", "90"), ("30 degrees", r"30^{\circ}"), ("10%", r"10\%"),
    (r"\$18.90", "18.9"), ("x = 5", "5"), ("5 = x", "x=5"), ("2x+3=y", "y = 2x+3"),
    ("y=-\\frac{1}{2}x+\\frac{3}{4}", "2x+4y-3=0"), ("-x > -1", "x < 1"), (r"5 \ge x", r"x \le 5"),
    (r"-2 \le x \le 7", "[-2,7]"), ("x > 3", r"(3, \infty)"), (r"x \in [-2,7]", "[-2, 7]"),
    (r"\{2,1\}", "1, 2"), ("2, 1", "1,2"), (r"6 \text{ and } 8", "8, 6"), (r"\pm 3", "3,-3"),
    (r"1 \pm \sqrt{19}", r"1+\sqrt{19}, 1-\sqrt{19}"),
    (r"\sqrt{72}", r"6\sqrt{2}"),
    (r"\sqrt2\sqrt3", r"\sqrt{6}"), (r"\frac{1}{\sqrt2}", r"\frac{\sqrt{2}}{2}"),
    ("√53", "53^{1/2}"),
    (r"\frac{1}{1+\sqrt2}", r"\sqrt2-1"), ("(a+5)(b+2)", "ab+2a+5b+10"), ("(x+2)/7", "x/7+2/7"),
    ("(1+i)^2", "2i"), (r"\sqrt{-4}", "2i"), (r"12π", r"\pi \cdot 12"), (r"\sin(2x)", r"\sin(x+x)"),
    (r"52_{8}", "52_8"), (r"\binom{10}{3}", "120"), ("5!", "120"), (r"\sqrt[3]{8}", "2"),
    (r"(0,9)\cup(9,36)", r"(9,36) \cup (0,9)"), ("(1, 4.5)", r"\left(1,\frac92\right)"),
    (r"\begin{bmatrix}1\\2\end{bmatrix}", r"\begin{pmatrix} 1 \\ \frac{4}{2} \\ \end{pmatrix}"),
    ("2^{99999999}", r"4\cdot 2^{99999997}"), ("seven", "7"), ("(a+b)^{30}", "(b+a)^{30}"),
]  # fmt: skip

NOT_SAME = [
    ("1", "100"), ("0.5", "50"), ("50", r"50\% \text{ of } x"), ("0.1", r"10\%"),
    ("31185", "31186"), (r"\text{Evelyn} \text{ Smith}", r"\text{Evelyn}"), (r"y\text{-axis}", "y"),
    ("3.1415", r"\pi"), ("0.333", "1/3"), ("0.333...", "0.333"), ("1,2,3,...", "1,2,3"),
    ("16, 17", "16"), ("16,3,1", "16,3,1,1"), ("(2,1)", "(1,2)"), ("[1,2)", "(1,2)"),
    ("[6,31,-1]", "(6,31,-1)"), ("52_9", "52_8"), ("52", "52_8"), ("42", "52_8"), ("4 4", "44"),
    ("x > -1", "x < 1"), ("x > 1", r"x \ge 1"), ("q-p", "p-q"), ("f(y)", "f(x)"), ("X", "x"),
    ("f(2x)", "2f(x)"), ("(d+c+b+a)^{30}+1", "(a+b+c+d)^{30}"), ("2^{99999998}", "2^{99999999}"),
    ("0x", "0"), ("x-x+5", "5"), (r"5 \text{ million}", "5"), (r"5 \text{ or more}", "5"),
    (r"5 \text{ cm}", r"5 \text{ m}"), (r"5\%", r"5^\circ"), ("silent", "listen"), ("4abcd", "4"),
    (r"\frac{dx}{dt}", r"\frac{x}{t}"), ("1/2x", r"\frac{1}{2x}"), ("1/2x", r"\frac{x}{2}"),
    (r"\boxed{41 = 42}", "42"), ("41 = 42", "42"), ("x = 5 = 6", "5"), ("2x = 10", "10"),
    (r"41 \text{ or } 42", "42"), ("y = 5", "x = 5"), ("x = 2(5)", "x=5"), ("x \\ne 5", "5"),
    (r"x=41 \Rightarrow y=42", "42"), ("-[0,1)", "1"), (r"\{1,2\}", "(1,2)"), ("None", "42"),
    (r"\text{Zebra}", r"\text{Evelyn}"), ("odd", "even"), ("6:31", "6:30"), ("2e", "2e1"),
    (r"(-\infty,5]", r"(\infty,5]"), (r"2\frac{3}{2}", "3"), ("?", "14"),
    (r"\begin{pmatrix}2\\1\end{pmatrix}", r"\begin{pmatrix}1\\2\end{pmatrix}"), ("1/0", "1/0+0"),
    (r"\begin{vmatrix}1\end{vmatrix}", r"\begin{pmatrix}1\end{pmatrix}"), (r"\sqrt{x^2}", "x"),
    ("3", r"3\frac{1}{2}"), ("a+3z=0", "0"), (r"\pm 3", "3"), ("1 0", "10"),
    (r"-\sqrt6", r"\sqrt2\sqrt3"),
]  # fmt: skip


@pytest.mark.parametrize(("prediction", "reference"), SAME)
def test_the_same_mathematics_is_accepted_both_ways(prediction: str, reference: str) -> None:
    assert equivalent(prediction, reference).outcome is Outcome.CORRECT
    assert equivalent(reference, prediction).outcome is Outcome.CORRECT


@pytest.mark.parametrize(("prediction", "reference"), NOT_SAME)
def test_what_is_not_the_same_is_never_accepted(prediction: str, reference: str) -> None:
    assert equivalent(prediction, reference).outcome is not Outcome.CORRECT
    assert equivalent(reference, prediction).outcome is not Outcome.CORRECT


@given(st.fractions(), st.fractions())
def test_fractions_are_the_same_exactly_when_they_are_equal(a: Fraction, b: Fraction) -> None:
    written = rf"\frac{{{a.numerator}}}{{{a.denominator}}}"
    for text, value in ((f"{b.numerator}/{b.denominator}", b), (f"{a}", a)):
        outcome = equivalent(written, text).outcome
        assert outcome is (Outcome.CORRECT if a == value else Outcome.WRONG)


COEFFICIENTS = st.lists(st.integers(-9, 9), min_size=1, max_size=5)


@given(COEFFICIENTS, COEFFICIENTS)
def test_polynomials_are_the_same_exactly_when_their_coefficients_are(
    a: list[int], b: list[int]
) -> None:
    def ascending(values: list[int]) -> str:
        return " + ".join(f"({v})x^{{{k}}}" for k, v in enumerate(values)) + " + x^{9}"

    def nested(values: list[int]) -> str:
        text = "0"
        for value in reversed(values):
            text = f"({value} + x \\cdot {text})"
        return f"x^{{9}} + {text}"

    def cut(values: list[int]) -> list[int]:
        while values and values[-1] == 0:
            values = values[:-1]
        return values

    outcome = equivalent(nested(a), ascending(b)).outcome
    assert outcome is (Outcome.CORRECT if cut(a) == cut(b) else Outcome.WRONG)


@given(st.integers(-40, 40), st.integers(1, 40), st.integers(-40, 40), st.integers(1, 40))
def test_square_roots_are_the_same_exactly_when_squares_and_signs_are(
    a: int, m: int, b: int, n: int
) -> None:
    expected = (a * a * m, a > 0, a < 0) == (b * b * n, b > 0, b < 0)
    outcome = equivalent(rf"{a}\sqrt{{{m}}}", rf"\sqrt{{{n}}}\cdot({b})").outcome
    assert outcome is (Outcome.CORRECT if expected else Outcome.WRONG)


@given(st.text(max_size=40), st.text(max_size=40))
def test_any_two_texts_get_a_verdict_and_a_text_equals_itself(a: str, b: str) -> None:
    assert equivalent(a, b).outcome is not Outcome.ERROR
    if a.strip():
        assert equivalent(a, a).outcome is Outcome.CORRECT


ALPHABET = r"""\frac { } ( ) [ ] \{ \} 1 2 34 x y + - * / ^ _ = < , \pm \sqrt \text{a} \left( ! |
\right) \sin \pi i e \begin{pmatrix} \end{pmatrix} & \\ \cup \binom % 0 . \infty"""
LATEX = st.lists(st.sampled_from(ALPHABET.split()), max_size=14).map(" ".join)


@given(LATEX, LATEX)
def test_any_two_formulas_get_the_same_verdict_both_ways(a: str, b: str) -> None:
    one, two = equivalent(a, b).outcome, equivalent(b, a).outcome
    accepted = Outcome.CORRECT
    assert Outcome.ERROR not in (one, two)
    assert (one is accepted) == (two is accepted)


@pytest.mark.parametrize(
    ("prediction", "reference"),
    [("\\frac₂{2}{2}", "1"), ("\\frac²3", "1"), ("2_٣", "2"), ("3\\frac₂{2}", "3")],
)
def test_what_fuzzing_found_stays_mended(prediction: str, reference: str) -> None:
    for pair in ((prediction, reference), (reference, prediction), (prediction + " ", prediction)):
        assert equivalent(*pair).outcome is not Outcome.ERROR


def test_policies_turn_conventions_and_nothing_else() -> None:
    strict = Policy(
        optional_units=False, ignore_case=False, unordered_lists=False, relation_is_interval=False
    )
    for pair in [
        (r"5\text{ cm}", "5"),
        (r"\text{a b}", r"\text{A B}"),
        ("1,2", "2,1"),
        ("x>3", r"(3,\infty)"),
    ]:
        assert equivalent(*pair).outcome is Outcome.CORRECT
        assert equivalent(*pair, policy=strict).outcome is not Outcome.CORRECT
    assert equivalent(r"\frac24", "0.5", policy=strict).outcome is Outcome.CORRECT


def test_empty_sides_and_long_ones_say_so() -> None:
    assert equivalent("1", " ").outcome is Outcome.BAD_REFERENCE
    assert equivalent(" ", "1").outcome is Outcome.NO_ANSWER
    assert equivalent("1" * 5000, "1").stage == "size"


def test_a_long_answer_equals_itself_and_no_other() -> None:
    text = "x + " * 30_000
    assert equivalent(text, text).outcome is Outcome.CORRECT
    assert equivalent(text + "1", text).stage == "size"


def test_every_verdict_carries_a_stage_and_a_reason() -> None:
    for prediction, reference in SAME + NOT_SAME:
        verdict = equivalent(prediction, reference)
        assert verdict.stage in {"text", "words", "units", "tree", "sympy"}
        assert verdict.reason


def references(real_data: Path) -> dict[str, list[str]]:
    def rows(name: str) -> list[dict]:
        text = (real_data / "math" / name).read_text(encoding="utf-8")
        return [json.loads(line) for line in text.splitlines()]

    found = {
        n: [str(r["answer"]) for r in rows(f"{n}/test.jsonl")]
        for n in ("aime24", "amc23", "math500")
    }
    found["minerva"] = [last_boxed(r["solution"]) or "" for r in rows("minerva_math/test.jsonl")]
    found["gsm8k"] = [r["answer"].split("####")[1] for r in rows("gsm8k/test.jsonl")]
    return found


def test_every_reference_equals_itself_also_dressed_up(real_data: Path) -> None:
    for name, answers in references(real_data).items():
        for answer in answers:
            for dressed in (answer, f"${answer}$", f" {answer} .", rf"\displaystyle {answer}"):
                verdict = equivalent(dressed, answer)
                assert verdict.outcome is Outcome.CORRECT, (name, dressed, answer, verdict)


CONVENTIONS = ("policy", "rounded", "percent", "needs option", "precision=", "rel ")


@pytest.mark.parametrize(("corpus", "least"), [("equivalence", 0.97), ("perturbed", 0.997)])
def test_the_corpora_have_no_wrong_answer_accepted(
    real_data: Path, corpus: str, least: float
) -> None:
    path = real_data / "verifiers" / f"{corpus}.jsonl"
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    rows = [r for r in rows if not any(word in (r["note"] or "") for word in CONVENTIONS)]
    accepted = [equivalent(r["prediction"], r["gold"]).outcome is Outcome.CORRECT for r in rows]
    wrongly = [r["id"] for r, yes in zip(rows, accepted, strict=True) if yes and not r["label"]]
    right = sum(yes == bool(r["label"]) for r, yes in zip(rows, accepted, strict=True))
    assert wrongly == []
    assert right / len(rows) >= least


def test_lists_with_items_of_unknown_value_are_judged_alike_from_both_sides():
    lists = [", ".join(items) for items in product(["2", "x", "e!"], repeat=3)]
    for left, right in combinations(lists, 2):
        assert equivalent(left, right).outcome is equivalent(right, left).outcome, (left, right)
