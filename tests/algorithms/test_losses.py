from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mindspeed_rl_ext.core.errors import InputError

torch = pytest.importorskip("torch", reason="the algorithms room stands on torch")

from mindspeed_rl_ext.algorithms import (  # noqa: E402
    compute_grpo_clip_loss,
    compute_naive_policy_gradient_loss,
    compute_policy_gradient_loss,
)

FINITE = st.floats(-3, 3)


def _policy() -> torch.Tensor:
    return -torch.rand(2, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


ADVANTAGES = torch.tensor([[1.5], [-0.5]], dtype=torch.float64)


def test_the_naive_loss_weighs_every_token_of_a_response_alike():
    policy = _policy()
    loss = compute_naive_policy_gradient_loss(
        raw_rewards_or_advantages=ADVANTAGES, policy_log_probs=policy
    )
    for b in range(2):
        for t in range(3):
            expected = -ADVANTAGES[b, 0].item() * policy[b, t].item()
            assert loss[b, t].item() == pytest.approx(expected)


@given(FINITE, FINITE, FINITE, st.floats(0, 0.9))
def test_the_clip_loss_is_that_of_the_formula(advantage, new, old, clip):
    loss, metadata = compute_grpo_clip_loss(
        advantages=torch.tensor([[advantage]], dtype=torch.float64),
        policy_log_probs=torch.tensor([[new]], dtype=torch.float64),
        old_log_probs=torch.tensor([[old]], dtype=torch.float64),
        cliprange=clip,
    )
    ratio = math.exp(new - old)
    plain = ratio * advantage
    bounded = min(max(ratio, 1 - clip), 1 + clip) * advantage
    assert loss.item() == pytest.approx(-min(plain, bounded), rel=1e-9, abs=1e-12)
    if abs(plain - bounded) > 1e-9:
        assert metadata["clipped"].item() is (bounded < plain)


@pytest.mark.parametrize(
    ("advantage", "log_ratio", "has_gradient"),
    [(1.0, 0.5, False), (1.0, -0.5, True), (-1.0, -0.5, False), (-1.0, 0.5, True)],
    ids=["good, up: stop", "good, down: pull", "bad, down: stop", "bad, up: push"],
)
def test_clipping_stops_only_steps_that_went_far_enough(advantage, log_ratio, has_gradient):
    policy = torch.tensor([[log_ratio]], requires_grad=True)
    loss, metadata = compute_grpo_clip_loss(
        torch.tensor([[advantage]]), policy, torch.zeros(1, 1), 0.2
    )
    loss.sum().backward()
    assert bool(policy.grad.item()) is has_gradient
    assert metadata["clipped"].item() is not has_gradient


def test_on_the_sampling_policy_the_clip_loss_has_the_naive_gradient():
    policy = _policy().requires_grad_()
    loss, metadata = compute_grpo_clip_loss(ADVANTAGES, policy, policy.detach(), 0.2)
    torch.testing.assert_close(loss, -ADVANTAGES.expand(2, 3))
    (ours,) = torch.autograd.grad(loss.sum(), policy)
    naive = compute_naive_policy_gradient_loss(ADVANTAGES, policy)
    (theirs,) = torch.autograd.grad(naive.sum(), policy)
    torch.testing.assert_close(ours, theirs)
    assert not metadata["clipped"].any()


def test_the_clip_loss_has_the_gradient_of_finite_differences():
    policy = _policy().requires_grad_()
    old = _policy() + torch.tensor([[0.05, 0.6, -0.6], [0.05, 0.6, -0.6]], dtype=torch.float64)
    assert torch.autograd.gradcheck(
        lambda p: compute_grpo_clip_loss(ADVANTAGES, p, old, 0.2)[0], (policy,)
    )


# At an advantage of 0 the minimum has a kink, and no one gradient.
SIGNED = st.floats(0.01, 3) | st.floats(-3, -0.01)


@given(st.lists(st.tuples(FINITE, FINITE, SIGNED), min_size=1, max_size=6), st.floats(0, 0.9))
def test_the_clip_loss_has_the_gradients_of_minimum_and_clamp(rows, clip):
    """As autograd finds them for the formula as it is written, advantages included."""
    new, old, advantage = torch.tensor(rows, dtype=torch.float64).T.unsqueeze(-1).unbind()
    new, advantage = new.clone().requires_grad_(), advantage.clone().requires_grad_()
    ratio = torch.exp(new - old)
    written = -torch.minimum(ratio * advantage, torch.clamp(ratio, 1 - clip, 1 + clip) * advantage)
    found, _ = compute_grpo_clip_loss(advantage, new, old, clip)
    torch.testing.assert_close(found, written, rtol=0, atol=0)
    expected = torch.autograd.grad(written.sum(), (new, advantage))
    gradients = torch.autograd.grad(found.sum(), (new, advantage))
    torch.testing.assert_close(gradients, expected)


def test_no_gradient_flows_into_the_old_policy():
    old = _policy().requires_grad_()
    loss, _ = compute_grpo_clip_loss(ADVANTAGES, _policy().requires_grad_(), old, 0.2)
    loss.sum().backward()
    assert old.grad is None


def test_each_loss_type_is_the_function_of_its_name():
    policy, rewards, old = _policy(), torch.tensor([[2.0], [3.0]]).double(), _policy() * 0.9
    every = {
        "policy_log_probs": policy,
        "raw_rewards": rewards,
        "advantages": ADVANTAGES,
        "old_log_probs": old,
        "cliprange": 0.1,
    }
    no_baseline, _ = compute_policy_gradient_loss(loss_type="no_baseline", **every)
    torch.testing.assert_close(no_baseline, -rewards * policy)
    baseline, _ = compute_policy_gradient_loss(loss_type="reinforce_with_baseline", **every)
    torch.testing.assert_close(baseline, -ADVANTAGES * policy)
    clipped, metadata = compute_policy_gradient_loss(loss_type="grpo_clip", **every)
    torch.testing.assert_close(clipped, compute_grpo_clip_loss(ADVANTAGES, policy, old, 0.1)[0])
    assert metadata["clipped"].dtype is torch.bool


def test_an_unknown_loss_type_names_the_nearest():
    with pytest.raises(InputError, match="did you mean grpo_clip"):
        compute_policy_gradient_loss(policy_log_probs=_policy(), loss_type="grpo_clp")


def test_a_loss_type_says_what_it_lacks():
    with pytest.raises(InputError, match="lacks old_log_probs, cliprange"):
        compute_policy_gradient_loss(
            policy_log_probs=_policy(), loss_type="grpo_clip", advantages=ADVANTAGES
        )


def test_one_advantage_a_response_is_not_one_a_token():
    square = torch.zeros(2, 2)
    with pytest.raises(InputError, match=r"advantages \[2\], policy_log_probs \[2, 2\]"):
        compute_grpo_clip_loss(torch.ones(2), square, square, 0.2)
    with pytest.raises(InputError, match=r"expected:.*\[batch, 1\]"):
        compute_naive_policy_gradient_loss(torch.ones(2, 2), square)
    with pytest.raises(InputError, match=r"old_log_probs \[2, 3\]"):
        compute_grpo_clip_loss(torch.ones(2, 1), square, torch.zeros(2, 3), 0.2)


def test_a_negative_cliprange_is_refused():
    with pytest.raises(InputError, match="cliprange is negative"):
        compute_grpo_clip_loss(ADVANTAGES, _policy(), _policy(), -0.1)
