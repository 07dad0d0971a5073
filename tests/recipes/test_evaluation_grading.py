"""Verdicts: three classes that sum to all, strict beside lenient, unusable references."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mindspeed_rl_ext.core.errors import InputError
from mindspeed_rl_ext.core.files.shipped import resolve_config
from mindspeed_rl_ext.preprocess.templates.template import read_entries
from mindspeed_rl_ext.recipes.evaluation.backends import Response
from mindspeed_rl_ext.recipes.evaluation.defaults import defaults_for
from mindspeed_rl_ext.recipes.evaluation.figures.benchmark import (
    accuracy,
    benchmark_figures,
    by_problem,
    class_counts,
)
from mindspeed_rl_ext.recipes.evaluation.grading import (
    CLASSES,
    FORMAT_AND_ANSWER,
    FORMAT_ONLY,
    NEITHER,
    Attempt,
    Graders,
    check_graders,
    grade,
)
from mindspeed_rl_ext.recipes.evaluation.problems.benchmarks import BENCHMARKS
from mindspeed_rl_ext.recipes.evaluation.problems.loading import Loaded, Problem
from mindspeed_rl_ext.verifiers import Outcome, Verdict, equivalent, score, verifier
from mindspeed_rl_ext.verifiers.builtin.last_answer import answer_to, stated_answer

TAGS = Graders(strict="r1_acc", format="r1_format")
BOX = Graders()
PIECES = [
    r"\boxed{18}", r"\boxed{17}", r"\boxed{", "<think>", "</think>", "<answer>", "</answer>",
    "18", "so it is 18.", "Answer: 18", " ", "\n", "the answer is $x$", "$18$", "}", "<|im_end|>",
]  # fmt: skip


def attempt(text: str, *, answer: str = "18", sample: int = 0, index: int = 0, **fields):
    problem = Problem("gsm8k", index, "?", answer, **fields)
    return Attempt(problem, sample, "?", Response(text, len(text), False))


def kinds(texts: list[str], graders: Graders, **fields) -> list[str]:
    return [g.kind for g in grade([attempt(t, **fields) for t in texts], graders)]


@pytest.mark.parametrize("graders", [BOX, TAGS, Graders(strict="cs336_r1_zero")], ids=str)
@given(
    st.lists(st.lists(st.sampled_from(PIECES), max_size=8).map("".join), min_size=1, max_size=6),
    st.sampled_from(["18", "", "x"]),
)
def test_the_classes_sum_to_all_responses(graders, texts, answer):
    fault = "" if answer else "no reference answer"
    graded = grade([attempt(t, answer=answer, fault=fault) for t in texts], graders)
    counts = class_counts(graded)
    assert sum(counts.values()) == len(texts)
    assert set(counts) == set(CLASSES)
    assert counts[FORMAT_AND_ANSWER] == sum(g.correct for g in graded)
    for g in graded:
        form = g.verdicts.get("r1_format")
        if form is not None:
            assert (g.kind != NEITHER) == (form.outcome == "CORRECT")


def test_a_box_is_the_format_of_a_boxed_prompt():
    texts = [r"so \boxed{18}", r"so \boxed{17}", "so 18", r"so \boxed{18", ""]
    assert kinds(texts, BOX) == [FORMAT_AND_ANSWER, FORMAT_ONLY, NEITHER, NEITHER, NEITHER]


def test_tags_and_a_box_are_the_format_of_an_r1_prompt():
    texts = [
        r"<think>a</think><answer>\boxed{18}</answer>",
        r"<think>a</think><answer>\boxed{17}</answer>",
        r"<think>a</think><answer>18</answer>",
        r"so <answer>\boxed{18}</answer>",
    ]
    assert kinds(texts, TAGS) == [FORMAT_AND_ANSWER, FORMAT_ONLY, NEITHER, NEITHER]


@pytest.mark.parametrize(
    ("text", "stated"),
    [
        (r"\boxed{17}, no: \boxed{18}", "18"),
        ("a</think> <answer>Janet makes $18 every day.</answer>", "18"),
        ("<think>\\boxed{3}</think> <answer> 18 </answer>", "18"),
        ("<answer>18", "18"),
        ("First 3 + 4. The answer is 18.", "18"),
        ("work 1 2 3\nAnswer: $\\frac{1}{2}$", r"\frac{1}{2}"),
        ("9 * 2 gives 18 dollars in all", "18"),
        ("They have in total between them the sum $x + 1$.", "x + 1"),
        (r"<think>so \boxed{18}</think> That is what I think of it", "18"),
        ("一共有 18 个苹果。", "18"),
        ("答案是 $x+1$。", "x+1"),
        ("所以答案为:18 元。", "18"),
        ("I do not know that at all.", None),
        ("", None),
        ("$", None),
        ("...", None),
        ("<|im_end|>", None),
    ],
)
def test_the_answer_that_is_stated_last(text, stated):
    assert stated_answer(text) == stated


@given(st.lists(st.sampled_from(PIECES), max_size=12).map("".join))
def test_a_stated_answer_stands_in_the_response(text):
    found = stated_answer(text)
    # Boxes side by side are one answer of several parts.
    assert found is None or (found and all(part in text for part in found.split(", ")))


def test_a_long_response_is_read_in_linear_time():
    # Quadratic reading of these would take hours, not the second that a test may take.
    for text in (
        "answer is " * 40_000,
        "?!" * 90_000,
        "<answer>" * 40_000,
        "$" * 300_000,
        "ab " * 100_000,
    ):
        stated_answer(text)
        answer_to(rf"\boxed{{{text}}}", "18")


def test_prose_is_wrong_by_strict_and_right_by_lenient_grading():
    prose = "<think>9 * 2</think> <answer>She makes 18 dollars every day.</answer>"
    (row,) = grade([attempt(prose)], Graders(strict="cs336_r1_zero(think_prefilled=False)"))
    boxed = grade([attempt(prose)], BOX)[0]
    assert (boxed.correct, boxed.lenient_correct, boxed.answer) == (False, True, "18")
    assert row.lenient_correct
    loaded = Loaded(BENCHMARKS["gsm8k"], (boxed.attempt.problem,), 1319)
    (listed,) = benchmark_figures(loaded, [boxed])["disagreements"]["lenient_only"]
    assert listed["id"] == "gsm8k/0-0"
    assert listed["answer"] == listed["reference"] == "18"


def test_an_unusable_reference_is_never_right_and_keeps_the_class_of_its_format():
    texts = [r"\boxed{0}", "0", r"\boxed{18}"]
    graded = grade([attempt(t, answer="", fault="no reference answer") for t in texts], BOX)
    assert [g.kind for g in graded] == [FORMAT_ONLY, NEITHER, FORMAT_ONLY]
    assert {g.outcome for g in graded} == {"BAD_REFERENCE"}
    assert not any(g.correct or g.lenient_correct for g in graded)


def test_every_outcome_is_counted():
    texts = [r"\boxed{18}", r"\boxed{17}", "18"]
    graded = grade([attempt(t, index=i) for i, t in enumerate(texts)], BOX)
    assert Counter(g.outcome for g in graded) == {"CORRECT": 1, "WRONG": 1, "BAD_FORMAT": 1}


def test_the_default_verifiers_fit_the_prompt():
    assert defaults_for("qwen_r1_mindspeed_rl").graders == TAGS
    assert defaults_for("qwen_math_r1").graders == defaults_for("tokenizer").graders == BOX
    assert defaults_for("cs336_r1_zero").stop == ("</answer>",)


@pytest.mark.parametrize("prompt_type", sorted(read_entries(resolve_config("templates.json", ""))))
def test_every_shipped_prompt_type_has_verifiers_that_can_be_right(prompt_type):
    graders = defaults_for(prompt_type).graders
    check_graders(graders)
    boxed = r"\boxed{18}"
    tags = rf"a</think> <answer>{boxed}</answer>"
    texts = [boxed, f"<think>{tags}", tags]
    assert FORMAT_AND_ANSWER in kinds(texts, graders)


def test_figures_of_several_samples():
    # Problem 0: three of four right, "18" wins; problem 1: a tie of 18 and 17.
    texts = {0: [r"\boxed{18}"] * 3 + [r"\boxed{17}"], 1: [r"\boxed{18}", r"\boxed{17}", "18", ""]}
    graded = grade(
        [attempt(t, index=i, sample=s) for i, row in texts.items() for s, t in enumerate(row)], BOX
    )
    strict = accuracy(by_problem(graded), strict=True)
    lenient = accuracy(by_problem(graded), strict=False)
    assert strict["pass@1"]["value"] == strict["avg@4"]["value"] == pytest.approx((3 + 1) / 8)
    assert strict["pass@2"]["value"] == pytest.approx((1.0 + 0.5) / 2)
    assert strict["pass@4"]["value"] == 1.0
    assert strict["maj@4"]["value"] == pytest.approx(0.75)
    assert strict["maj@4"]["ties"] == 1
    # The prose answer votes too where grading is lenient, and breaks the tie.
    assert lenient["maj@4"]["value"] == 1.0


NON_ANSWERS = [
    "I don't know", "I don\u2019t know.", "no idea", "unknown", "N/A", "???", "Sorry about that",
    "", "...", "I can't tell you.", r"\boxed{\text{I don't know}}", r"\boxed{?}",
    "Answer: not sure", "<think>18</think> <answer>no idea</answer>", "# Solution",
]  # fmt: skip
ANSWERS = {
    "18": "18", "She makes 18 dollars.": "18", "#### 18": "18", "# 18": "18", "18 dollars": "18",
    "17": "17", r"\boxed{x+1}": "x+1", "x+1": "x+1", r"\boxed{Evelyn}": "Evelyn",
}  # fmt: skip


@given(
    st.lists(st.sampled_from(NON_ANSWERS), max_size=5),
    st.lists(st.sampled_from(list(ANSWERS)), max_size=4),
    st.randoms(),
)
def test_only_answers_vote(non_answers, answers, random):
    texts = non_answers + answers
    random.shuffle(texts)
    if len(texts) < 2:
        texts = ["no idea", "18"]
    graded = grade([attempt(t, sample=i) for i, t in enumerate(texts)], BOX)
    figure = accuracy(by_problem(graded), strict=False)[f"maj@{len(texts)}"]
    votes = Counter(ANSWERS[t] for t in texts if t in ANSWERS)
    most = max(votes.values(), default=0)
    winners = [answer for answer, n in votes.items() if n == most]
    assert figure["value"] == pytest.approx(winners.count("18") / len(winners) if winners else 0)
    assert figure["without_answer"] == (not votes)
    assert figure["responses_without_vote"] == sum(t in NON_ANSWERS for t in texts)


def test_responses_that_say_they_do_not_know_do_not_outvote_an_answer():
    texts = ["I don't know", "I don't know", "She makes 18 dollars."]
    graded = grade([attempt(t, sample=i) for i, t in enumerate(texts)], BOX)
    assert accuracy(by_problem(graded), strict=False)["maj@3"]["value"] == 1.0


def test_words_vote_where_the_reference_is_in_words():
    for text in ("Evelyn", "Miss Briana", r"\text{Evelyn}"):
        assert answer_to(text, r"\text{Evelyn}") == stated_answer(text) is not None
        assert answer_to(text, "18") is None
    assert answer_to("I don't know", r"\text{Evelyn}") is None
    assert answer_to("unknown", "unknown") == "unknown"


@given(
    st.sampled_from(["18", "x", r"\text{Evelyn}", "unknown", r"\pi", "no idea", "-5", "a or b"]),
    st.lists(st.sampled_from([*PIECES, *NON_ANSWERS, *ANSWERS, "pi"]), max_size=3).map(" ".join),
)
def test_which_responses_are_right_does_not_hang_on_which_may_vote(answer, text):
    found = stated_answer(text)
    wanted = found is not None and equivalent(found, answer).outcome is Outcome.CORRECT
    (verdict,) = score([text], [answer], verifiers=["last_answer"]).verdicts["last_answer"]
    assert (verdict.outcome is Outcome.CORRECT) == wanted
    (row,) = grade([attempt(text, answer=answer)], BOX)
    if row.correct or row.lenient_correct:
        assert row.answer == found
    else:
        assert (verdict.outcome is Outcome.NO_ANSWER) == (row.answer == "")


def test_the_answer_line_of_gsm8k_is_right_with_and_without_work_before_it():
    texts = ["9 * 2\n#### 18", "#### 18", "### 18.", "18", "#### 17"]
    result = score(texts, ["18"] * len(texts), verifiers=["last_answer"])
    outcomes = [v.outcome for v in result.verdicts["last_answer"]]
    assert outcomes == [Outcome.CORRECT] * 4 + [Outcome.WRONG]


def test_a_verifier_of_plain_numbers_is_refused_before_anything_is_generated():
    @verifier("number_for_evaluation_test")
    def number(response: str) -> float:
        return 1.0

    with pytest.raises(InputError, match="gives a number"):
        check_graders(Graders(strict="number_for_evaluation_test"))


def test_a_verifier_that_needs_an_unknown_column_is_refused():
    @verifier("needs_nums_for_evaluation_test", needs=("nums",))
    def needs_nums(response: str, *, nums: object) -> Verdict:
        return Verdict(Outcome.CORRECT, 1.0)

    with pytest.raises(InputError, match="needs the column 'nums'"):
        check_graders(Graders(strict="needs_nums_for_evaluation_test"))


def test_lenient_grading_takes_the_references_of_the_benchmarks_in_prose(real_data):
    from mindspeed_rl_ext.recipes.evaluation.problems.loading import load_benchmark

    ways = ("so \\boxed{{{}}}.", "The answer is ${}$.", "So the final value we get is ${}$.")
    for name in ("aime24", "amc23", "math500"):
        problems = load_benchmark(BENCHMARKS[name], real_data / "math").problems
        for way in ways:
            answers = [p.answer for p in problems]
            result = score([way.format(a) for a in answers], answers, verifiers=["last_answer"])
            assert all(v.outcome is Outcome.CORRECT for v in result.verdicts["last_answer"])
