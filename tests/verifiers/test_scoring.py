"""Rewards are weighed sums, faults never pay, and what is missing is said before scoring."""

from __future__ import annotations

import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mindspeed_rl_ext import verifier
from mindspeed_rl_ext.core.errors import InputError
from mindspeed_rl_ext.verifiers import Outcome, Verdict, score


def register(function: object, **options: object) -> str:
    name = f"s_{uuid.uuid4().hex}"
    verifier(name, **options)(function)  # type: ignore[arg-type]
    return name


@given(
    st.lists(st.integers(-5, 5), min_size=1, max_size=6),
    st.floats(-2, 2, allow_nan=False),
    st.floats(-2, 2, allow_nan=False),
)
def test_a_reward_is_the_weighed_sum_of_scores(numbers: list[int], a: float, b: float) -> None:
    one = register(lambda response: float(response))
    two = register(lambda response: 2.0 * float(response))
    result = score([str(n) for n in numbers], verifiers=[one, two], weights=[a, b])
    assert result.rewards == pytest.approx([a * n + b * 2 * n for n in numbers])
    assert result.metrics[f"{one}_rewards/mean"] == pytest.approx(sum(numbers) / len(numbers))
    assert result.metrics[f"{one}_outcome/SCORED"] == 1.0


def test_the_metrics_carry_the_bare_name_and_every_outcome() -> None:
    metrics = score(["x"], verifiers=["countdown_format(think_prefilled=True)"]).metrics
    assert metrics["countdown_format_rewards/mean"] == 0.0
    fractions = [metrics[f"countdown_format_outcome/{outcome.value}"] for outcome in Outcome]
    assert sum(fractions) == 1.0


def test_a_verifier_that_raises_scores_its_lowest_level_and_says_so() -> None:
    def broken(response: str) -> float:
        raise KeyError("lost")

    name = register(broken, levels=(1.0, -0.5, -1.0))
    verdict = score(["x"], verifiers=[name]).verdicts[name][0]
    assert (verdict.outcome, verdict.score) == (Outcome.ERROR, -1.0)
    assert "KeyError" in verdict.reason


def test_without_levels_an_error_scores_no_better_than_the_worst_of_the_batch() -> None:
    name = register(lambda response: float(response))
    result = score(["-3", "2", "oops"], verifiers=[name])
    assert result.rewards == [-3.0, 2.0, -3.0]
    assert score(["3", "oops"], verifiers=[name]).rewards == [3.0, 0.0]


@pytest.mark.parametrize(
    "said", [None, "1", float("nan"), float("inf"), Verdict(Outcome.CORRECT, float("nan"))]
)
def test_what_is_no_finite_number_is_an_error(said: object) -> None:
    name = register(lambda response: said, levels=(1.0, 0.0))
    assert score(["x"], verifiers=[name]).verdicts[name][0].outcome is Outcome.ERROR


def test_a_missing_reference_is_counted_and_scores_as_wrong() -> None:
    result = score([r"\boxed{1}"] * 3, ["1", None, " "], verifiers=["simplerl"])
    assert result.rewards == [1.0, -1.0, -1.0]
    assert result.metrics["simplerl_outcome/BAD_REFERENCE"] == pytest.approx(2 / 3)


def test_references_that_are_no_text_are_read_as_compact_json() -> None:
    answers = [{"target": 3, "numbers": [1, 2]}, {"target": 3, "nums": [1, 2]}]
    assert score(["<answer>1+2</answer>"] * 2, answers, verifiers=["countdown"]).rewards == [1, 1]
    assert score([r"\boxed{72}"], [72], verifiers=["simplerl"]).rewards == [1.0]


def test_needs_are_passed_by_keyword_from_data() -> None:
    def long(response: str, *, num_tokens: int, answer: str) -> float:
        return num_tokens + len(answer)

    name = register(long, needs=("num_tokens", "answer"))
    assert score(["x"], ["ab"], verifiers=[name], data={"num_tokens": [7]}).rewards == [9.0]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"verifiers": ["simplerl"]}, "needs the column 'answer'"),
        ({"verifiers": ["simplerl"], "answers": ["1", "2"]}, "differ in length"),
        ({"verifiers": ["r1_format"], "weights": [1, 2]}, "differ in number"),
        ({"verifiers": []}, "no verifier"),
        ({"verifiers": ["acc"]}, "unknown verifier"),
        ({"verifiers": ["r1_format", "r1_format(think_prefilled=True)"]}, "given twice"),
        ({"verifiers": ["r1_format"], "data": {"x": []}}, "differ in length"),
    ],
)
def test_what_cannot_be_scored_is_said_before_scoring(arguments: dict, says: str) -> None:
    with pytest.raises(InputError, match=says):
        score(["x"], **arguments)


def test_a_response_that_is_no_text_is_an_input_error() -> None:
    with pytest.raises(InputError, match="response 1 is not text"):
        score(["x", None], verifiers=["r1_format"])  # type: ignore[list-item]


def test_an_empty_batch_has_no_rewards_and_no_metrics() -> None:
    assert score([], [], verifiers=["simplerl"]).rewards == []
