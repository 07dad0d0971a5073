r"""The rules that decide before mathematics: the same text, choices, times, words, units.

Covers: a table like that of the trees: each rule says True or False, or PASS; each with examples
that the tests run. Does not cover: trees (`table`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from mindspeed_rl_ext.verifiers.equivalence.answers.answer import Answer
from mindspeed_rl_ext.verifiers.equivalence.answers.choices import same_choice
from mindspeed_rl_ext.verifiers.equivalence.answers.times import same_time
from mindspeed_rl_ext.verifiers.equivalence.answers.words import compare_words
from mindspeed_rl_ext.verifiers.equivalence.policy import Policy
from mindspeed_rl_ext.verifiers.equivalence.rules.comparison import PASS, Pass

Example = tuple[str, str, bool]
Decide = Callable[[Answer, Answer, Policy], "bool | Pass"]


class AnswerRule(NamedTuple):
    """A row of the table.

    Args:
        name: what `--explain` shows.
        stage: the stage of its verdicts.
        decide: compares two answers.
        examples: pairs that the rule decides, and whether they are accepted.
    """

    name: str
    stage: str
    decide: Decide
    examples: tuple[Example, ...]


def _same_text(left: Answer, right: Answer, policy: Policy) -> bool | Pass:
    return True if left.bare == right.bare else PASS


def _choices(left: Answer, right: Answer, policy: Policy) -> bool | Pass:
    if left.choice is None or right.choice is None:
        return PASS
    same = same_choice(left.choice, right.choice)
    return PASS if same is None else same


def _times(left: Answer, right: Answer, policy: Policy) -> bool | Pass:
    if left.time is not None and right.time is not None:
        return same_time(left.time, right.time)
    one = left.time or right.time
    # `3:04` is a time even beside a number; `10:15` may be a ratio.
    return False if one is not None and one.minute < 10 else PASS


def _meanings(left: Answer, right: Answer, policy: Policy) -> bool | Pass:
    if not left.meaning or not right.meaning:
        return PASS
    return left.meaning == right.meaning


def _words(left: Answer, right: Answer, policy: Policy) -> bool | Pass:
    same = compare_words(list(left.tokens), list(right.tokens), policy)
    return PASS if same is None else same


ANSWER_TABLE: tuple[AnswerRule, ...] = (
    AnswerRule("the same text", "text", _same_text, ((r"\dfrac{1}{2}", r"\frac{1}{2}", True),)),
    AnswerRule(
        "the letter of a choice", "words", _choices,
        (
            ("B) 2x(x-7)", "B", True),
            (r"\textbf{(B)}\ 12", "B", True),
            ("A, C", "(A)(C)", True),
            ("(A) or (B)", "A", False),
            ("(C) 12", "B", False),
        ),
    ),
    AnswerRule(
        "clock times", "words", _times,
        (
            ("20:34", r"08:34 \text{P.M.}", True),
            ("7 a.m.", "7:00 AM", True),
            ("1:00", "12:00", False),
            ("3:30 pm", "3:30 am", False),
            ("3:04", r"\frac34", False),
        ),
    ),
    AnswerRule(
        "words that say the same", "words", _meanings,
        (
            ("There is no solution.", r"\emptyset", True),
            ("Yes, u is a constant.", "Yes", True),
            ("no", "Yes", False),
        ),
    ),
    AnswerRule(
        "words", "words", _words,
        (
            (r"\text{Evelyn}", "evelyn", True),
            ("line segment and circle", "line segment, circle", True),
            ("silent", "listen", False),
        ),
    ),
)  # fmt: skip
