r"""What is taken out of a response: nothing that it denies, hedges, only tries or never ends.

Each family is generated over values, words and verifiers; the truth is known by construction.
"""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mindspeed_rl_ext.verifiers import Outcome, resolve

# Values that differ whatever a convention says, each with a second spelling.
VALUES = {"3": "3.0", "4": "8/2", "17": r"17.00", r"\frac{1}{2}": "0.5", "-6": r"\frac{-12}{2}"}
two_values = st.permutations(list(VALUES)).map(lambda order: (order[0], order[1]))
BOX_VERIFIERS = ("boxed_acc", "simplerl", "cs336_question_only", "math_17k", "last_answer")
BLOCK_VERIFIERS = ("r1_acc", "cs336_r1_zero(think_prefilled=False)")
every_box = st.sampled_from(BOX_VERIFIERS + BLOCK_VERIFIERS)


def outcome(spec: str, text: str, answer: str) -> Outcome:
    """The outcome where the text is all of a response, or all of its answer block."""
    response = text
    if spec in BLOCK_VERIFIERS:
        response = f"<think>let me see</think> <answer>{text}</answer>"
    return resolve(spec)(response, answer=answer).outcome


@given(every_box, st.sampled_from(sorted(VALUES)))
def test_the_plain_box_is_right_so_the_families_below_test_what_they_add(
    spec: str, value: str
) -> None:
    assert outcome(spec, rf"so it is \boxed{{{VALUES[value]}}}.", value) is Outcome.CORRECT


@given(every_box, two_values, st.sampled_from(["or", " or ", "$ or $", ", or ", "或", " 或者 "]))
def test_another_answer_behind_the_box_hedges(
    spec: str, values: tuple[str, str], joint: str
) -> None:
    right, other = values
    text = rf"$\boxed{{{right}}}${joint if joint != 'or' else ' or '}{other}"
    assert outcome(spec, text, right) is Outcome.WRONG


@given(every_box, st.sampled_from(sorted(VALUES)))
def test_the_same_answer_behind_the_box_is_no_hedge(spec: str, value: str) -> None:
    assert outcome(spec, rf"\boxed{{{value}}} or {VALUES[value]}", value) is Outcome.CORRECT


@given(st.sampled_from(BLOCK_VERIFIERS), two_values)
def test_another_answer_before_the_box_hedges_in_an_answer_block(
    spec: str, values: tuple[str, str]
) -> None:
    right, other = values
    assert outcome(spec, rf"{other} or \boxed{{{right}}}", right) is Outcome.WRONG


@pytest.mark.parametrize("spec", BOX_VERIFIERS + BLOCK_VERIFIERS)
@pytest.mark.parametrize(
    "text",
    [
        r"\boxed{3} or so",  # words, no second value
        r"\boxed{3}, or three",  # the same in a word that is no value
        r"\boxed{3} for x > 0",
        r"\boxed{3} or \approx 3.0001",  # a rounding of what was said
        r"\boxed{3} or 300\%",
        r"2 or 4 do not work, so \boxed{3}",
        r"not 4 but \boxed{3}",
        r"It is not hard to see that it is \boxed{3}",
    ],
)
def test_words_around_a_box_are_no_hedge_and_no_denial(spec: str, text: str) -> None:
    assert outcome(spec, text, "3") is Outcome.CORRECT


@given(
    every_box,
    st.sampled_from(sorted(VALUES)),
    st.sampled_from(
        ["It is not ", "The answer isn't ", "x is not equal to $", "答案不是 ", r"x \ne "]
    ),
)
def test_a_denied_box_is_wrong(spec: str, value: str, denial: str) -> None:
    assert outcome(spec, rf"{denial}\boxed{{{value}}}", value) is Outcome.WRONG


@given(every_box, two_values, st.sampled_from(["", "x = ", r"\frac{1", r"\sqrt{2"]))
def test_a_last_box_that_never_closes_leaves_no_answer(
    spec: str, values: tuple[str, str], begun: str
) -> None:
    right, _ = values
    text = rf"First \boxed{{{right}}}. Wait, it is \boxed{{{begun}"
    assert outcome(spec, text, right) is not Outcome.CORRECT


@given(every_box, two_values)
def test_a_box_with_more_than_the_answer_is_not_the_answer(
    spec: str, values: tuple[str, str]
) -> None:
    right, other = values
    assert outcome(spec, rf"\boxed{{\boxed{{{right}}}}}", right) is Outcome.CORRECT
    for text in (
        rf"\boxed{{\boxed{{{right}}}, {other}}}",
        rf"\boxed{{{other}, \boxed{{{right}}}}}",
    ):
        assert outcome(spec, text, right) is not Outcome.CORRECT


@given(every_box, two_values, st.sampled_from([", ", "; ", " and ", "$, $", " 和 "]))
def test_boxes_side_by_side_are_one_answer(spec: str, values: tuple[str, str], joint: str) -> None:
    one, two = values
    text = rf"$\boxed{{{one}}}{joint}\boxed{{{two}}}$"
    assert outcome(spec, text, f"{two}, {one}") is Outcome.CORRECT
    assert outcome(spec, text, two) is not Outcome.CORRECT


@settings(max_examples=40)
@given(st.sampled_from(["r1_acc", "countdown"]), st.booleans(), st.sampled_from(["", "so "]))
def test_an_answer_block_inside_the_thinking_is_no_answer(
    spec: str, opened: bool, word: str
) -> None:
    texts = {
        "r1_acc": (r"\boxed{3}", r"\boxed{4}", "3"),
        "countdown": ("1+2", "2-1", '{"target":3,"numbers":[1,2]}'),
    }
    right, wrong, answer = texts[spec]
    think = "<think>" if opened else ""
    tried = f"{think}try <answer>{right}</answer> {word}or not</think>"
    assert resolve(spec)(tried, answer=answer).outcome is Outcome.NO_ANSWER
    other = f"{tried} <answer>{wrong}</answer>"
    assert resolve(spec)(other, answer=answer).outcome is Outcome.WRONG
    fixed = f"{think}try <answer>{wrong}</answer></think> {word}<answer>{right}</answer>"
    assert resolve(spec)(fixed, answer=answer).outcome is Outcome.CORRECT


def test_an_answer_block_behind_an_open_think_counts_for_countdown_alone() -> None:
    puzzle = '{"target":3,"numbers":[1,2]}'
    assert resolve("countdown")("<think>a <answer>1+2</answer>", answer=puzzle).score == 1.0
    boxed = r"<think>a <answer>\boxed{3}</answer>"
    assert resolve("r1_acc")(boxed, answer="3").outcome is Outcome.NO_ANSWER


@given(every_box, two_values, st.sampled_from([" ", "\n\n", "", "$ $"]))
def test_boxes_without_a_word_between_are_one_answer_and_equal_ones_are_one(
    spec: str, values: tuple[str, str], gap: str
) -> None:
    one, two = values
    assert outcome(spec, rf"$\boxed{{{one}}}{gap}\boxed{{{two}}}$", two) is not Outcome.CORRECT
    assert outcome(spec, rf"$\boxed{{{two}}}{gap}\boxed{{{two}}}$", two) is Outcome.CORRECT


def test_a_closing_tag_too_many_hides_no_answer() -> None:
    response = r"<think>a</think> <answer>\boxed{3}</answer></think>"
    assert resolve("r1_acc")(response, answer="3").outcome is Outcome.CORRECT


@pytest.mark.parametrize(
    ("response", "answer", "right"),
    [
        # The tail of the prompt that Minerva made popular, whatever kind of answer stands in it.
        ("Final Answer: The final answer is $(-1,6)$. I hope it is correct.", "(-1,6)", True),
        ("Final Answer: The final answer is Evelyn. I hope it is correct.", r"\text{Evelyn}", True),
        ("Final Answer: The final answer is 12. I hope it is correct.", "12", True),
        # A formula, and the reason behind it.
        (r"The answer is $\frac{1}{2}$, because of symmetry around the line.", "1/2", True),
        ("The answer is $x+1$ since 2 and 3 are prime.", "x+1", True),
        # Letters of choices, stated or behind the mark of GSM8K.
        ("... therefore the result is 8.\n#### B", "B", True),
        ("The correct answer is C. Friday had the most.", "C", True),
        ("The answer is B.", "B", True),
        ("Answer $9$", "9", True),
        ("[45 degrees]", "45", True),
        # Brackets that belong to the answer stay.
        ("The answer is $[1,2]$.", "[1,2]", True),
        # What is denied or offered beside another value is no answer.
        ("It is not 3", "3", False),
        ("The answer cannot be 3.", "3", False),
        ("It isn't $3$", "3", False),
        ("答案不是3", "3", False),
        ("It must be 4 or 3.", "3", False),
        ("I think it is 4 or maybe 3", "3", False),
        ("I checked 2 or more values and got 3 in the end", "3", True),
    ],
)
def test_a_statement_without_a_box(response: str, answer: str, right: bool) -> None:
    found = resolve("last_answer")(response, answer=answer).outcome
    assert (found is Outcome.CORRECT) is right
