"""Copying an expression of the question pays nothing, however it is dressed up."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mindspeed_rl_ext.verifiers import Outcome, resolve, score
from mindspeed_rl_ext.verifiers.registry import registry_names, verifier_named
from mindspeed_rl_ext.verifiers.responses.restating import restates, same_expression

# An expression of a question, and its value: what a policy should work out.
ASKED = {
    r"\dbinom{31}{28}": "4495",
    r"513^2 - 487^2": "26000",
    r"\log_2 3 \cdot \log_3 4": "2",
    r"\frac{57}{160}": "0.35625",
    r"\sqrt{242}": r"11\sqrt{2}",
    r"99^2+99+1": "9901",
    r"\tan 45^\circ + 4": "5",
    r"(26^2 - 24^2 - 10)^2 - 10^2": "8000",
    r"\frac{1}{2}+\frac{1}{3}": r"\frac{5}{6}",
    r"|-16|": "16",
    r"5!": "120",
}
# What changes no meaning.
DRESS = (
    "{}", "={}", "x = {}", "f(x) = {}", "{} + 0", "0 + {}", r"{} \cdot 1", r"1 \cdot ({})",
    r"\left({}\right)", "{{{}}}", r"\displaystyle {}", r"\boxed{{x = {}}}", "({})/1", "{}.",
    r"\, {} \,", "$ {} $",
)  # fmt: skip
QUESTIONS = (
    "Evaluate ${}$.",
    "Compute $${}$$ and explain.",
    r"Let \[x = {},\] what is $x$?",
    r"Find \( y = {} \).",
    "It costs $7 to know that $A = {}$ holds. Find $A$.",
    "\\begin{{align*}} a &= {} \\\\ b &= 1 \\end{{align*}} Find $a$.",
)
JUDGES = [n for n in registry_names() if verifier_named(n).judges_answer and n != "countdown"]
JUDGES = [n for n in JUDGES if ".builtin." in verifier_named(n).function.__module__]


def response(spec: str, answer: str) -> str:
    if spec in ("r1_acc", "cs336_r1_zero"):
        return rf"<think>a</think> <answer>\boxed{{{answer}}}</answer>"
    return f"so\nAnswer: {answer}" if spec == "dapo" else rf"so \boxed{{{answer}}}"


@settings(max_examples=300)
@given(st.sampled_from(sorted(ASKED)), st.sampled_from(DRESS), st.sampled_from(QUESTIONS))
def test_a_dressed_copy_restates_and_the_value_does_not(
    asked: str, dress: str, question: str
) -> None:
    prompt = question.format(asked) + r" Put your final answer within \boxed{}."
    assert restates(dress.format(asked), prompt)
    assert not restates(ASKED[asked], prompt)


@pytest.mark.parametrize("asked", [r"513^2 - 487^2", r"\dbinom{31}{28}", r"5!", r"99^2+99+1"])
@pytest.mark.parametrize(
    "wrap",
    [
        r"\text{the answer is } {}", "the answer is {}", "{}+1-1", "|{}|", r"\sqrt{({})^2}",
        r"\{ {} \}", "2({})/2", r"\therefore {}", "Answer: {}", r"\exp(\ln({}))",
        r"({}) \times 10^0", r"{} \text{ or } {}", r"x \in \{ {} \}", "{} : 1", "[{}]",
    ],
)  # fmt: skip
def test_a_copy_inside_a_larger_answer_is_a_copy_too(asked: str, wrap: str) -> None:
    verdict = resolve("boxed_acc")(
        rf"\boxed{{{wrap.replace('{}', asked)}}}", answer=ASKED[asked], prompt=f"Find ${asked}$."
    )
    assert verdict.score == 0.0, verdict


@pytest.mark.parametrize(
    ("prompt", "answer", "reference"),
    [
        # A formula of the prompt that the answer needs, and that the reference writes otherwise.
        (r"The side is $\sqrt{3}$. Find the area.", r"\frac{\sqrt{3}\sqrt{3}\sqrt{3}}{4}",
         r"\frac{3\sqrt{3}}{4}"),
        (r"Let $a = 10^3$. Find $5a$.", r"5 \cdot 10^3", "5000"),
        (r"A half, $\frac{1}{2}$, of 3.", r"3 \cdot \frac{1}{2}x", r"1.5x"),
        (r"For $x+1$ and $y$", "2(x+1)", "2x+2"),
    ],
)  # fmt: skip
def test_a_formula_that_an_answer_is_built_of_is_no_copy(
    prompt: str, answer: str, reference: str
) -> None:
    assert not restates(answer, prompt, reference)


@pytest.mark.parametrize("spec", JUDGES)
@pytest.mark.parametrize("asked", [r"513^2 - 487^2", r"\frac{57}{160}", r"\sqrt{242}"])
def test_every_verifier_that_judges_answers_scores_a_copy_as_wrong(spec: str, asked: str) -> None:
    prompt = f"Evaluate ${asked}$."
    bound = resolve(spec)
    copied = bound(response(spec, asked), answer=ASKED[asked], prompt=prompt)
    right = bound(response(spec, ASKED[asked]), answer=ASKED[asked], prompt=prompt)
    wrong = bound(response(spec, "7"), answer=ASKED[asked], prompt=prompt)
    assert (copied.outcome, copied.score) == (Outcome.RESTATED, wrong.score)
    assert "expression of the prompt" in copied.reason
    assert right.outcome is Outcome.CORRECT


@pytest.mark.parametrize(
    ("prompt", "answer", "reference", "outcome"),
    [
        # The reference is an expression of the prompt too: choosing one is the task.
        ("Which is larger, $3/4$ or $2/3$?", "3/4", r"\frac{3}{4}", Outcome.CORRECT),
        ("Which is larger, 3/4 or 2/3?", r"\dfrac34", "3/4", Outcome.CORRECT),
        # A number that stands in the question by chance, written as the reference or with a unit.
        ("A has $18$ eggs, B 9. How many has A?", "18", "18.0", Outcome.CORRECT),
        ("A side of $18$ and a width of 1 cm.", "18", r"18\text{ cm}^2", Outcome.CORRECT),
        # The value beside the copy is an answer.
        ("Evaluate $513^2 - 487^2$.", "513^2 - 487^2 = 26000", "26000", Outcome.CORRECT),
        # A part of an expression is not the expression.
        ("Factor $x^2+3x+2 = (x+1)(x+2)$ and name the larger factor.", "x+2", "2+x",
         Outcome.CORRECT),
        # One side of an equation is; so is a definition that is copied.
        ("Let $f(x) = (x+1)^2$. Expand $f(x)$.", "(x+1)^2", "x^2+2x+1", Outcome.RESTATED),
        ("Let $f(x) = (x+1)^2$. Expand.", "f(x) = (x+1)^2", "x^2+2x+1", Outcome.RESTATED),
        # Other order, other signs of the same operation.
        ("Evaluate $2^3 + 3^2$.", "3^2 + 2^3", "17", Outcome.RESTATED),
        ("Evaluate 12*13.", r"12 \times 13", "156", Outcome.RESTATED),
        # Worked out in part is no copy; that is for `Policy.evaluated`.
        ("Evaluate $2^3 + 3^2$.", "8 + 9", "17", Outcome.CORRECT),
        # Words and choices are no expressions.
        ("Who won, Evelyn or Briana?", r"\text{Evelyn}", "Evelyn", Outcome.CORRECT),
        (r"$\textbf{(A)}\ 1 \textbf{(B)}\ 2$", "A", r"\text{(A)}", Outcome.CORRECT),
    ],
)  # fmt: skip
def test_the_guard_by_case(prompt: str, answer: str, reference: str, outcome: Outcome) -> None:
    verdict = resolve("boxed_acc")(rf"\boxed{{{answer}}}", answer=reference, prompt=prompt)
    assert verdict.outcome is outcome, verdict


@pytest.mark.parametrize(
    ("answer", "reference", "prompt", "outcome", "stage"),
    [
        # Without the prompt an answer must be as worked out as its reference is.
        (r"2^{10}", "1024", None, Outcome.RESTATED, "evaluated"),
        (r"\binom{31}{28}", "4495", None, Outcome.RESTATED, "evaluated"),
        (r"\frac{6}{4}", "1.5", None, Outcome.CORRECT, "tree"),
        # With it, only a copy is refused.
        (r"2^{10}", "1024", "How many subsets has a set of ten?", Outcome.CORRECT, "tree"),
        # Two formulas of the prompt that are equal: the one that is left undone is not the choice.
        (r"2^3", "8", "Is $2^3$ equal to $8$ or to $6$?", Outcome.RESTATED, "evaluated"),
        ("0.75", "3/4", "Which is larger, $3/4 = 0.75$ or $2/3$?", Outcome.CORRECT, "tree"),
    ],
)
def test_how_far_an_answer_must_be_worked_out(
    answer: str, reference: str, prompt: str | None, outcome: Outcome, stage: str
) -> None:
    verdict = resolve("boxed_acc")(rf"\boxed{{{answer}}}", answer=reference, prompt=prompt)
    assert (verdict.outcome, verdict.stage) == (outcome, stage)


@pytest.mark.parametrize("prompt", [None, "", "no formula here"])
def test_without_a_formula_nothing_is_refused(prompt: str | None) -> None:
    verdict = resolve("boxed_acc")(r"\boxed{0.5}", answer="1/2", prompt=prompt)
    assert verdict.outcome is Outcome.CORRECT


def test_the_prompt_is_passed_where_it_is_there_and_missed_where_not() -> None:
    responses, answers = [r"\boxed{5!}"] * 2, ["120"] * 2
    prompts = {"prompt": ["Evaluate $5!$.", "Evaluate $4! \\cdot 5$."]}
    with_prompt = score(responses, answers, verifiers=["boxed_acc"], data=prompts)
    assert [v.outcome for v in with_prompt.verdicts["boxed_acc"]] == [
        Outcome.RESTATED, Outcome.CORRECT,
    ]  # fmt: skip
    assert with_prompt.metrics["boxed_acc_outcome/RESTATED"] == 0.5
    without = score(responses, answers, verifiers=["boxed_acc"]).verdicts["boxed_acc"]
    assert [(v.outcome, v.stage) for v in without] == [(Outcome.RESTATED, "evaluated")] * 2


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("a+b", "b+a", True), ("a-b", "b-a", False), ("2x", r"x\cdot 2", True),
        (r"\pm 3", "-3", False), ("2+2", "4", False), ("-(-x)", "x", True),
        ("x^1", "x", True), ("x/1", "x", True), ("1/x", "x", False), ("(a+b)+c", "a+(b+c)", True),
        ("a-(b-c)", "a-b+c", True), ("x^2", "x_2", False), ("[1,2]", "(1,2)", False),
    ],
)  # fmt: skip
def test_the_form_keeps_meaning_and_drops_dress(one: str, other: str, same: bool) -> None:
    assert same_expression(one, other) is same


def test_a_hostile_prompt_or_answer_costs_little() -> None:
    for text in ("$" * 50_000, "x+1 " * 20_000, r"\[" * 5_000, "(" * 5_000, r"\frac{" * 2_000):
        assert restates("2+2", text) is False
        assert restates(text, "Evaluate $2+2$.") is False
