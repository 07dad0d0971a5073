"""verl calls one function with four arguments: it gets a score and says why."""

from __future__ import annotations

import inspect

import pytest

from mindspeed_rl_ext.core.errors import InputError
from mindspeed_rl_ext.integrations.verl import compute_score


def test_the_signature_is_the_one_verl_calls() -> None:
    names = list(inspect.signature(compute_score).parameters)
    assert names[:4] == ["data_source", "solution_str", "ground_truth", "extra_info"]
    said = compute_score(
        data_source="openai/gsm8k",
        solution_str=r"so \boxed{72}",
        ground_truth="72",
        extra_info={"index": 1},
        sandbox_fusion_url=None,
    )
    assert said["score"] == said["acc"] == 1.0
    assert said["outcome"] == "CORRECT"


def test_verifiers_and_weights_come_from_the_configuration() -> None:
    said = compute_score(
        "any", r"\boxed{1}", "1", {"num_tokens": 2048},
        verifiers="simplerl,overlong(max_tokens=2048)", weights=[1.0, 0.5],
    )  # fmt: skip
    assert said["score"] == 0.5
    assert (said["simplerl_score"], said["overlong_score"], said["acc"]) == (1.0, -1.0, 1.0)


def test_the_keys_do_not_depend_on_the_answer() -> None:
    rows = [compute_score("x", text, "1") for text in (r"\boxed{1}", r"\boxed{2}", "", "\\boxed{")]
    assert len({tuple(row) for row in rows}) == 1
    assert [row["score"] for row in rows] == [1.0, 0.0, 0.0, 0.0]


def test_countdown_is_judged_by_countdown() -> None:
    truth = {"target": 3, "numbers": [1, 2]}
    assert compute_score("countdown", "<answer>1+2</answer>", truth)["score"] == 1.0


@pytest.mark.parametrize(
    ("arguments", "says"),
    [({"verifiers": "simplrl"}, "unknown verifier"), ({"verifiers": "overlong"}, "num_tokens")],
)
def test_what_is_wrong_in_the_configuration_is_said(arguments: dict, says: str) -> None:
    with pytest.raises(InputError, match=says):
        compute_score("x", "y", "1", **arguments)
