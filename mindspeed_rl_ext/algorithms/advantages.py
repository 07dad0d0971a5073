"""Rewards of responses, and how much better each is than its group.

Covers: GRPO's group normalisation A = (r - mean) / (std + eps) with the unbiased standard
deviation (DeepSeekMath, equation 3), and Dr. GRPO's A = r - mean.
Does not cover: GAE, leave-one-out, batch-wide scaling; how a reward comes about.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import torch

from mindspeed_rl_ext.errors import InputError

RewardFn = Callable[[str, str], Mapping[str, float]]


def compute_group_normalized_rewards(
    reward_fn: RewardFn,
    rollout_responses: Sequence[str],
    repeated_ground_truths: Sequence[str],
    group_size: int,
    advantage_eps: float,
    normalize_by_std: bool,
) -> tuple[torch.Tensor, torch.Tensor, dict[str, float]]:
    """Scores responses and normalises each reward within its group.

    Args:
        reward_fn: `(response, ground_truth)` to a mapping with "reward" and any other numbers
            ("format_reward", "answer_reward").
        rollout_responses: N responses, those of one prompt side by side.
        repeated_ground_truths: N references, each repeated `group_size` times.
        group_size: responses of one prompt.
        advantage_eps: added to the standard deviation, in the unit of rewards.
        normalize_by_std: divide by the group's standard deviation (GRPO) or not (Dr. GRPO).

    Returns:
        advantages fp32 `[N]`, raw rewards fp32 `[N]`, and statistics: `reward/mean|std|min|max`,
        `reward/zero_std_groups_frac` (groups without a learning signal), and `<key>/mean` of
        every other number that `reward_fn` gave.

    Raises:
        InputError: numbers that do not fit, a reward that is missing or not finite.
    """
    _require_groups(len(rollout_responses), len(repeated_ground_truths), group_size)
    if normalize_by_std and group_size == 1:
        raise InputError(
            "a group of one response has no standard deviation",
            found="group_size=1 with normalize_by_std=True",
            expected="group_size of at least 2",
            remedy="sample more responses a prompt",
        )
    scored = [
        _scored(reward_fn(response, truth), index)
        for index, (response, truth) in enumerate(
            zip(rollout_responses, repeated_ground_truths, strict=True)
        )
    ]
    raw = torch.tensor([row["reward"] for row in scored], dtype=torch.float32)
    groups = raw.view(-1, group_size)
    centred = groups - groups.mean(dim=1, keepdim=True)
    if normalize_by_std:
        advantages = centred / (groups.std(dim=1, keepdim=True) + advantage_eps)
    else:
        advantages = centred
    return advantages.reshape(-1), raw, _statistics(groups, scored)


def _require_groups(num_responses: int, num_truths: int, group_size: int) -> None:
    if num_responses != num_truths or num_responses == 0:
        raise InputError(
            "responses and ground truths do not pair",
            found=f"{num_responses} responses, {num_truths} ground truths",
            expected="the same number of each, at least one",
            remedy="repeat each ground truth group_size times",
        )
    if group_size < 1 or num_responses % group_size:
        raise InputError(
            "group_size does not divide the responses",
            found=f"{num_responses} responses, group_size {group_size}",
            expected="a multiple of group_size",
            remedy="keep all responses of a prompt in one batch",
        )


def _scored(scores: Mapping[str, float], index: int) -> Mapping[str, float]:
    if "reward" not in scores:
        raise InputError(
            f"reward_fn gave no 'reward' for response {index}",
            found=f"keys {', '.join(sorted(scores)) or 'none'}",
            remedy="return a mapping with the key 'reward'",
        )
    if not math.isfinite(scores["reward"]):
        raise InputError(
            f"reward_fn gave a reward that is not finite for response {index}",
            found=str(scores["reward"]),
            expected="a finite number: one NaN makes the whole group's advantages NaN",
            remedy="give a number for every response",
        )
    return scores


def _statistics(groups: torch.Tensor, scored: Sequence[Mapping[str, float]]) -> dict[str, float]:
    spread = groups.max(dim=1).values - groups.min(dim=1).values
    statistics = {
        "reward/mean": groups.mean().item(),
        "reward/std": groups.std(unbiased=groups.numel() > 1).item(),
        "reward/min": groups.min().item(),
        "reward/max": groups.max().item(),
        "reward/zero_std_groups_frac": (spread == 0).float().mean().item(),
    }
    for key in scored[0]:
        values = [row[key] for row in scored if key in row]
        if key != "reward":
            statistics[f"{key}/mean"] = sum(values) / len(values)
    return statistics
