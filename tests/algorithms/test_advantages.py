from __future__ import annotations

import math
import statistics
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mindspeed_rl_ext.core.errors import InputError

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


TENTHS = st.integers(-20, 20).map(lambda n: n / 10)


@given(
    value=st.sampled_from([0.1, 0.3, 0.7, 1.1, 1.7, -0.7, 1e-8, 12345.6]) | TENTHS,
    size=st.integers(2, 16),
    number=st.integers(1, 3),
    by_std=st.booleans(),
    eps=st.sampled_from([0.0, 1e-6, 1e-2]),
)
def test_a_group_of_equal_rewards_has_advantages_of_exactly_zero(value, size, number, by_std, eps):
    found, _, metadata = advantages([value] * size * number, size, by_std=by_std, eps=eps)
    assert found.tolist() == [0.0] * size * number
    assert metadata["reward/zero_std_groups_frac"] == 1.0
    assert metadata["reward/std"] == 0.0


@given(st.data(), st.integers(2, 16), st.booleans(), st.sampled_from([0.0, 1e-6]))
def test_advantages_are_those_of_the_formula_in_double_precision(data, size, by_std, eps):
    """Groups that differ and a group that does not, side by side; sums are exact fractions."""
    rewards = data.draw(st.lists(TENTHS, min_size=size, max_size=size)) + [0.7] * size
    found, raw, metadata = advantages(rewards, size, by_std=by_std, eps=eps)
    assert found.dtype is raw.dtype is torch.float32
    expected, flat = [], 0
    for group in (rewards[:size], rewards[size:]):
        mean = sum(map(Fraction, group)) / size
        variance = sum((Fraction(r) - mean) ** 2 for r in group) / (size - 1)
        scale = math.sqrt(variance) + eps if by_std else 1.0
        flat += not variance
        expected += [float(r - mean) / scale if variance else 0.0 for r in map(Fraction, group)]
    assert found.tolist() == pytest.approx(expected, rel=1e-6, abs=1e-6)
    assert metadata["reward/zero_std_groups_frac"] == flat / 2


def test_rewards_that_are_one_number_in_the_returned_precision_are_equal():
    found, raw, metadata = advantages([0.1 + 0.2, 0.3], 2, eps=0.0)
    assert raw[0] == raw[1]
    assert found.tolist() == [0, 0]
    assert metadata["reward/zero_std_groups_frac"] == 1.0


def test_the_largest_rewards_have_finite_advantages():
    top = torch.finfo(torch.float32).max / 2
    for by_std in (True, False):
        found, raw, metadata = advantages([top, -top, -top, -top], 4, by_std=by_std)
        assert torch.isfinite(found).all()
        assert torch.isfinite(raw).all()
        assert all(map(math.isfinite, metadata.values()))


@pytest.mark.parametrize("eps", [-1e-6, math.nan, math.inf])
def test_an_epsilon_that_is_negative_or_not_finite_is_refused(eps):
    with pytest.raises(InputError, match="advantage_eps"):
        advantages([1, 2], 2, eps=eps)


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


def given_scores(*scores):
    """Advantages of one group, whose responses have these scores."""
    return compute_group_normalized_rewards(
        reward_fn=lambda response, truth: scores[int(response)],
        rollout_responses=[str(at) for at in range(len(scores))],
        repeated_ground_truths=["a"] * len(scores),
        group_size=len(scores),
        advantage_eps=1e-6,
        normalize_by_std=True,
    )


@pytest.mark.parametrize(
    ("scores", "message"),
    [
        ({"score": 1.0, 2: 3}, "keys 2, score"),
        ({}, "keys none"),
        (0.5, r"0\.5 \(float\)"),
        (None, r"None \(NoneType\)"),
        ({"reward": None}, r"None \(NoneType\)"),
        ({"reward": "1.0"}, r"'1\.0' \(str\)"),
        ({"reward": [1.0]}, r"\[1\.0\] \(list\)"),
        ({"reward": 1j}, "complex"),
        ({"reward": torch.ones(2)}, "Tensor"),
        ({"reward": math.nan}, "not finite in fp32"),
        ({"reward": -math.inf}, "not finite in fp32"),
        ({"reward": 1e300}, r"1e\+300"),
        ({"reward": 10**400}, "not finite in fp32"),
    ],
    ids=lambda value: "" if isinstance(value, str) else repr(value)[:30],
)
def test_a_reward_that_is_no_finite_number_is_refused_by_its_index(scores, message):
    with pytest.raises(InputError, match=message) as caught:
        given_scores({"reward": 1.0}, scores)
    error = caught.value
    assert "for response 1" in error.what
    assert error.found
    assert error.expected
    assert error.remedy


@pytest.mark.parametrize(
    "kind", [int, bool, Fraction, torch.tensor], ids=lambda kind: kind.__name__
)
def test_a_reward_may_be_any_kind_of_number(kind):
    found, raw, _ = given_scores({"reward": kind(1)}, {"reward": kind(0)})
    assert raw.tolist() == [1, 0]
    assert found.tolist() == pytest.approx([math.sqrt(0.5), -math.sqrt(0.5)], abs=1e-5)


def test_what_is_no_number_is_left_out_of_the_means():
    _, _, metadata = given_scores(
        {"reward": 1, "why": "text", "format_reward": None, "parsed": True},
        {"reward": 0, "why": ["a"], "format_reward": 0.5, "parsed": False, "late": 3},
    )
    means = {key: value for key, value in metadata.items() if not key.startswith("reward/")}
    assert means == {"format_reward/mean": 0.5, "parsed/mean": 0.5, "late/mean": 3.0}


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
