from __future__ import annotations

import pytest

from mindspeed_rl_ext.core.errors import InputError

torch = pytest.importorskip("torch", reason="the algorithms room stands on torch")

from mindspeed_rl_ext.algorithms import (  # noqa: E402
    grpo_microbatch_train_step,
    sft_microbatch_train_step,
)

MASK = torch.tensor([[0, 1, 1], [0, 0, 1], [1, 1, 1], [1, 0, 0]], dtype=torch.bool)
ADVANTAGES = torch.tensor([[1.0], [-2.0], [0.5], [3.0]])


def log_probs(requires_grad: bool = True) -> torch.Tensor:
    values = -torch.rand(4, 3, generator=torch.Generator().manual_seed(3))
    return values.requires_grad_(requires_grad)


def test_the_sft_loss_and_gradient_are_those_of_python_loops():
    policy = log_probs()
    loss, metadata = sft_microbatch_train_step(
        policy_log_probs=policy,
        response_mask=MASK,
        gradient_accumulation_steps=2,
        normalize_constant=5.0,
    )
    rows = [
        -sum(v for v, m in zip(*r, strict=True) if m) / 5 for r in zip(policy, MASK, strict=True)
    ]
    assert loss.item() == pytest.approx(sum(rows).item() / 4 / 2)
    torch.testing.assert_close(policy.grad, -MASK.float() / (5 * 4 * 2))
    assert metadata["num_response_tokens"].item() == 7
    assert not loss.requires_grad


def test_the_grpo_loss_and_gradient_are_those_of_python_loops():
    policy = log_probs()
    loss, _ = grpo_microbatch_train_step(
        policy_log_probs=policy,
        response_mask=MASK,
        gradient_accumulation_steps=3,
        loss_type="reinforce_with_baseline",
        advantages=ADVANTAGES,
    )
    expected_loss, expected_grad = 0.0, torch.zeros(4, 3)
    for b in range(4):
        length = int(MASK[b].sum())
        for t in range(3):
            if MASK[b, t]:
                weight = -ADVANTAGES[b, 0].item() / length / 4 / 3
                expected_loss += weight * policy[b, t].item()
                expected_grad[b, t] = weight
    assert loss.item() == pytest.approx(expected_loss)
    torch.testing.assert_close(policy.grad, expected_grad)


@pytest.mark.parametrize("step", ["sft", "grpo"])
def test_microbatches_add_up_to_the_gradient_of_the_whole_batch(step):
    weight = torch.nn.Parameter(torch.tensor(0.7))

    def run(rows: slice, steps: int) -> None:
        shared = {"response_mask": MASK[rows], "gradient_accumulation_steps": steps}
        policy = log_probs(requires_grad=False)[rows] * weight
        if step == "sft":
            sft_microbatch_train_step(policy_log_probs=policy, normalize_constant=2.0, **shared)
        else:
            grpo_microbatch_train_step(
                policy_log_probs=policy,
                loss_type="grpo_clip",
                advantages=ADVANTAGES[rows],
                old_log_probs=policy.detach() - 0.1,
                cliprange=0.2,
                **shared,
            )

    run(slice(0, 4), 1)
    whole = weight.grad.clone()
    weight.grad = None
    run(slice(0, 2), 2)
    run(slice(2, 4), 2)
    torch.testing.assert_close(weight.grad, whole)


def test_the_clip_fraction_counts_response_tokens_only():
    policy = torch.tensor([[1.0, 0.0, 1.0]], requires_grad=True)
    _, metadata = grpo_microbatch_train_step(
        policy_log_probs=policy,
        response_mask=torch.tensor([[False, True, True]]),
        gradient_accumulation_steps=1,
        loss_type="grpo_clip",
        advantages=torch.ones(1, 1),
        old_log_probs=torch.zeros(1, 3),
        cliprange=0.2,
    )
    assert metadata["clip_fraction"].item() == 0.5


def test_a_response_without_tokens_is_named_before_a_gradient_is_spoilt():
    policy, mask = log_probs(), MASK.clone()
    mask[2] = False
    with pytest.raises(InputError, match="all of row 2"):
        grpo_microbatch_train_step(
            policy_log_probs=policy,
            response_mask=mask,
            gradient_accumulation_steps=1,
            loss_type="no_baseline",
            raw_rewards=ADVANTAGES,
        )
    assert policy.grad is None


@pytest.mark.parametrize("step", [sft_microbatch_train_step, grpo_microbatch_train_step])
def test_no_accumulation_step_at_all_is_refused(step):
    more = {"loss_type": "no_baseline"} if step is grpo_microbatch_train_step else {}
    with pytest.raises(InputError, match="gradient_accumulation_steps is less than 1"):
        step(
            policy_log_probs=log_probs(),
            response_mask=MASK,
            gradient_accumulation_steps=0,
            **more,
        )
