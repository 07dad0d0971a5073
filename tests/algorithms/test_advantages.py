from __future__ import annotations

import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mindspeed_rl_ext.errors import InputError

torch = pytest.importorskip("torch", reason="the algorithms room stands on torch")

from mindspeed_rl_ext.algorithms import compute_group_normalized_rewards  # noqa: E402


def reward_of_text(response: str, truth: str) -> dict[str, float]:
    return {"reward": float(response) - float(truth), "format_reward": 1.0}


def advantages(rewards, group_size, *, by_std=True, eps=1e-6):
    return compute_group_normalized_rewards(
        reward_fn=reward_of_text,
        rollout_responses=[str(r) for r in rewards],
        repeated_ground_truths=["0"] * len(rewards),
        group_size=group_size,
        advantage_eps=eps,
        normalize_by_std=by_std,
    )


@st.composite
def groups(draw):
    size = draw(st.integers(2, 5))
    number = draw(st.integers(1, 4))
    values = st.lists(st.integers(-8, 8), min_size=size * number, max_size=size * number)
    return size, draw(values)


@given(groups(), st.booleans())
def test_advantages_of_a_group_sum_to_zero(case, by_std):
    size, rewards = case
    found, _, _ = advantages(rewards, size, by_std=by_std)
    for total in found.view(-1, size).sum(dim=1).tolist():
        assert total == pytest.approx(0, abs=1e-4)


@given(groups(), st.booleans())
def test_advantages_are_those_of_the_formula(case, by_std):
    size, rewards = case
    found, raw, _ = advantages(rewards, size, by_std=by_std, eps=0.01)
    assert raw.tolist() == rewards
    for at in range(0, len(rewards), size):
        group = rewards[at : at + size]
        scale = statistics.stdev(group) + 0.01 if by_std else 1.0
        expected = [(r - statistics.fmean(group)) / scale for r in group]
        assert found[at : at + size].tolist() == pytest.approx(expected, rel=1e-4, abs=1e-4)


def test_statistics_are_those_of_the_batch():
    _, _, metadata = advantages([1, 1, 0, 4], 2)
    assert metadata["reward/mean"] == 1.5
    assert metadata["reward/min"] == 0
    assert metadata["reward/max"] == 4
    assert metadata["reward/std"] == pytest.approx(statistics.stdev([1, 1, 0, 4]))
    assert metadata["reward/zero_std_groups_frac"] == 0.5
    assert metadata["format_reward/mean"] == 1.0


def test_a_group_size_that_does_not_divide_is_refused():
    with pytest.raises(InputError, match="5 responses, group_size 2"):
        advantages([1, 2, 3, 4, 5], 2)


def test_one_response_has_no_standard_deviation():
    with pytest.raises(InputError, match="no standard deviation"):
        advantages([1, 2], 1)
    assert advantages([1, 2], 1, by_std=False)[0].tolist() == [0, 0]


@pytest.mark.parametrize(
    ("scores", "message"),
    [({"score": 1.0}, "keys score"), ({"reward": float("nan")}, "not finite")],
    ids=["missing", "nan"],
)
def test_a_reward_that_is_no_number_is_refused(scores, message):
    with pytest.raises(InputError, match=message):
        compute_group_normalized_rewards(
            reward_fn=lambda response, truth: scores,
            rollout_responses=["a", "b"],
            repeated_ground_truths=["a", "b"],
            group_size=2,
            advantage_eps=1e-6,
            normalize_by_std=True,
        )


def test_responses_without_references_are_refused():
    with pytest.raises(InputError, match="2 responses, 1 ground truths"):
        compute_group_normalized_rewards(
            reward_fn=reward_of_text,
            rollout_responses=["1", "2"],
            repeated_ground_truths=["1"],
            group_size=2,
            advantage_eps=1e-6,
            normalize_by_std=True,
        )
