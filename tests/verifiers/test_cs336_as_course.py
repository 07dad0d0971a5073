r"""`cs336_r1_zero(as_course=True)`: the verdicts of the course's grader, response for response.

The third column is what the course's own `r1_zero_reward_fn` (fast mode) gave when it was run on
the row: 1 or 0. An empty reference is the one exception, and has its own test.
"""

from __future__ import annotations

import pytest

from mindspeed_rl_ext.verifiers import score
from mindspeed_rl_ext.verifiers.builtin.cs336_r1_zero import cs336_r1_zero

TABLE = [
    ("x</think> <answer>18</answer>", "18", 1),
    ("x</think> <answer>The answer is 18 dollars.</answer>", "18", 0),
    ("x</think><answer>18</answer>", "18", 0),
    ("x</think>\n<answer>18</answer>", "18", 0),
    ("x</think>  <answer>18</answer>", "18", 0),
    ("<think>x</think></think> <answer>18</answer>", "18", 1),
    ("<think><think>x</think> <answer>18</answer>", "18", 1),
    ("</think> <answer>18</answer>", "18", 1),
    ("x</think> <answer>17</answer> <answer>18</answer>", "18", 1),
    ("x</think> <answer>18</answer> <answer>17</answer>", "18", 0),
    ("x</think> <answer>18</answer> so 18", "18", 0),
    ("x</think> <answer>18", "18", 0),
    ("</answer>x</think> <answer>18", "18", 1),
    ("x <answer>18</answer>", "18", 0),
    ("", "18", 0),
    ("x</think> <answer></answer>", "18", 0),
    (r"x</think> <answer>\boxed{18}</answer>", "18", 1),
    (r"x</think> <answer>so \boxed{17} or \boxed{18}</answer>", "18", 1),
    (r"x</think> <answer>\boxed 18</answer>", "18", 0),
    (r"x</think> <answer>\boxed{18</answer>", "18", 0),
    ("x</think> <answer>18</answer>", r"\boxed{18}", 1),
    ("x</think> <answer>18</answer>", "9 + 9 #### 18", 0),
    ("x</think> <answer>$18</answer>", "18", 1),
    (r"x</think> <answer>\$18</answer>", "18", 1),
    ("x</think> <answer>18%</answer>", "18", 1),
    ("x</think> <answer>18.0</answer>", "18", 1),
    ("x</think> <answer>18.5</answer>", "18", 0),
    ("x</think> <answer>1,234</answer>", "1234", 1),
    ("x</think> <answer>1234</answer>", "1,234", 1),
    ("x</think> <answer>18 apples</answer>", "18", 1),
    ("x</think> <answer>18 dollars</answer>", "18", 0),
    ("x</think> <answer>18 cm</answer>", "18", 1),
    ("x</think> <answer>18 miles</answer>", "18", 1),
    (r"x</think> <answer>18\text{ dollars}</answer>", "18", 1),
    (r"x</think> <answer>90^\circ</answer>", "90", 1),
    ("x</think> <answer>x = 18</answer>", "18", 1),
    ("x</think> <answer>total = 18</answer>", "18", 0),
    ("x</think> <answer>18 = 18</answer>", "18", 0),
    ("x</think> <answer>0.5</answer>", r"\frac{1}{2}", 1),
    ("x</think> <answer>0.50</answer>", r"\frac{1}{2}", 1),
    ("x</think> <answer>1/2</answer>", r"\frac12", 1),
    ("x</think> <answer>2/4</answer>", "1/2", 0),
    (r"x</think> <answer>\dfrac{1}{2}</answer>", r"\frac{1}{2}", 1),
    ("x</think> <answer>0.25</answer>", "1/4", 1),
    ("x</think> <answer>0.333</answer>", "1/3", 0),
    ("x</think> <answer>2 1/2</answer>", "5/2", 1),
    ("x</think> <answer>4/2</answer>", "2", 0),
    (r"x</think> <answer>\sqrt{12}</answer>", r"2\sqrt{3}", 1),
    (r"x</think> <answer>\sqrt3</answer>", r"\sqrt{3}", 1),
    ("x</think> <answer>x+1</answer>", "1+x", 1),
    ("x</think> <answer>2(x+1)</answer>", "2x+2", 1),
    ("x</think> <answer>a+b+c</answer>", "c+b+a", 1),
    (r"x</think> <answer>\frac{3\pi}{4}</answer>", r"\frac34\pi", 1),
    ("x</think> <answer>x^10</answer>", "x^10", 1),
    ("x</think> <answer>x^10+0</answer>", "x^10", 0),
    ("x</think> <answer>(1,2)</answer>", "(1, 2)", 1),
    ("x</think> <answer>(1,2]</answer>", "(1,2)", 0),
    ("x</think> <answer>(2,1)</answer>", "(1,2)", 0),
    ("x</think> <answer>1,2</answer>", "2,1", 0),
    ("x</think> <answer>(0.5,1)</answer>", r"(\frac{1}{2},1)", 1),
    ("x</think> <answer>Navin</answer>", "navin", 1),
    (r"x</think> <answer>\text{Navin}</answer>", "Navin", 1),
    ("x</think> <answer>2 million</answer>", "2000000", 0),
    (r"x</think> <answer>\infty</answer>", "inf", 1),
    ("x</think> <answer>yes</answer>", "no", 0),
    ("x</think> <answer>18 and 19</answer>", "18,19", 1),
    (r"x</think> <answer>\sqrt</answer>", "3", 0),
    (r"x</think> <answer>\frac</answer>", "3", 0),
    (r"x</think> <answer>\frac1</answer>", "3", 0),
    ("x</think> <answer>1/0</answer>", "3", 0),
    ("x</think> <answer>1+</answer>", "1", 0),
]
OPEN = "</think> <answer>"


@pytest.mark.parametrize(("response", "reference", "paid"), TABLE)
def test_a_response_has_the_score_of_the_courses_grader(response, reference, paid):
    assert cs336_r1_zero(response, answer=reference, as_course=True).score == paid


def test_the_spec_of_a_recipe_takes_the_option():
    graded = score([f"x{OPEN}The answer is 18 dollars.</answer>"] * 2, ["18", "18"],
                   verifiers=["cs336_r1_zero(as_course=True)"])  # fmt: skip
    assert graded.rewards == [0.0, 0.0]


@pytest.mark.parametrize("reference", ["", "  ", r"\boxed 5", r"\boxed{}"])
def test_a_reference_without_an_answer_pays_nothing_where_the_course_pays_an_empty_answer(
    reference,
):
    verdict = cs336_r1_zero(f"x{OPEN}</answer>", answer=reference, as_course=True)
    assert (str(verdict.outcome), verdict.score) == ("BAD_REFERENCE", 0.0)


def test_text_of_the_policy_is_never_run():
    call = "__import__('os').abort()"
    assert cs336_r1_zero(f"x{OPEN}{call}</answer>", answer="a+1", as_course=True).score == 0.0
