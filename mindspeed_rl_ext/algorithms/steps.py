"""One microbatch: loss, division for accumulation, backward.

Covers: SFT and GRPO. Gradients add up in the parameters; who owns the optimiser steps and zeroes.
Does not cover: clipping of gradients, mixed precision, the optimiser.
"""

from __future__ import annotations

import torch

from mindspeed_rl_ext.algorithms.losses import LossAndMetadata, compute_policy_gradient_loss
from mindspeed_rl_ext.algorithms.masks import masked_mean, masked_normalize
from mindspeed_rl_ext.algorithms.shapes import as_bool, require_same_shape, require_tokens
from mindspeed_rl_ext.core.errors import InputError


def sft_microbatch_train_step(
    policy_log_probs: torch.Tensor,
    response_mask: torch.Tensor,
    gradient_accumulation_steps: int,
    normalize_constant: float = 1.0,
) -> LossAndMetadata:
    """Negative log-likelihood of the responses; calls backward.

    loss = mean over rows of (-sum of the response's log-probs / normalize_constant),
    divided by gradient_accumulation_steps so that the accumulated gradient is that of the mean.

    Args:
        policy_log_probs: `[B, L]`, in nats, with a gradient.
        response_mask: `[B, L]`, True on response tokens.
        gradient_accumulation_steps: microbatches of one optimiser step.
        normalize_constant: what a row's sum is divided by, in tokens.

    Returns:
        The loss as it went into backward, detached; `num_response_tokens` of the microbatch.

    Raises:
        InputError: shapes that do not fit, fewer than one accumulation step.
    """
    _require_steps(gradient_accumulation_steps)
    row_losses = masked_normalize(
        -policy_log_probs, response_mask, dim=-1, normalize_constant=normalize_constant
    )
    loss = row_losses.mean() / gradient_accumulation_steps
    torch.autograd.backward(loss)
    return loss.detach(), {"num_response_tokens": response_mask.sum()}


def grpo_microbatch_train_step(
    policy_log_probs: torch.Tensor,
    response_mask: torch.Tensor,
    gradient_accumulation_steps: int,
    loss_type: str,
    raw_rewards: torch.Tensor | None = None,
    advantages: torch.Tensor | None = None,
    old_log_probs: torch.Tensor | None = None,
    cliprange: float | None = None,
) -> LossAndMetadata:
    """A policy-gradient loss, averaged over each response, then over responses; calls backward.

    Args:
        policy_log_probs: `[B, L]`, in nats, with a gradient.
        response_mask: `[B, L]`, True on response tokens.
        gradient_accumulation_steps: microbatches of one optimiser step.
        loss_type: see `compute_policy_gradient_loss`, also for the four arguments that follow.
        raw_rewards: `[B, 1]`.
        advantages: `[B, 1]`.
        old_log_probs: `[B, L]`, in nats.
        cliprange: how far the ratio may move.

    Returns:
        The loss as it went into backward, detached; the loss type's metadata, and
        `clip_fraction` of response tokens where the loss clips.

    Raises:
        InputError: shapes that do not fit, a response without tokens (its mean is 0/0, and one
            NaN would spoil every parameter), fewer than one accumulation step.
    """
    _require_steps(gradient_accumulation_steps)
    require_same_shape(policy_log_probs=policy_log_probs, response_mask=response_mask)
    mask = as_bool("response_mask", response_mask)
    require_tokens(mask)
    token_losses, metadata = compute_policy_gradient_loss(
        policy_log_probs=policy_log_probs,
        loss_type=loss_type,
        raw_rewards=raw_rewards,
        advantages=advantages,
        old_log_probs=old_log_probs,
        cliprange=cliprange,
    )
    loss = masked_mean(token_losses, mask, dim=-1).mean() / gradient_accumulation_steps
    torch.autograd.backward(loss)
    if "clipped" in metadata:
        metadata["clip_fraction"] = masked_mean(metadata["clipped"].float(), mask)
    return loss.detach(), metadata


def _require_steps(gradient_accumulation_steps: int) -> None:
    if gradient_accumulation_steps < 1:
        raise InputError(
            "gradient_accumulation_steps is less than 1",
            found=str(gradient_accumulation_steps),
            expected="the number of microbatches of one optimiser step",
        )
