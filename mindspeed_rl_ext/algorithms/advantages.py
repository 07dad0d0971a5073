"""Rewards of responses, and how much better each is than its group.

Covers: GRPO's group normalisation A = (r - mean) / (std + eps) with the unbiased standard
deviation (DeepSeekMath, equation 3), and Dr. GRPO's A = r - mean. Computed in fp64; a group of
equal rewards has advantages of exactly 0.
Does not cover: GAE, leave-one-out, batch-wide scaling; how a reward comes about.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import SupportsFloat, SupportsIndex

import torch

from mindspeed_rl_ext.core.errors import InputError, shorten

RewardFn = Callable[[str, str], Mapping[str, object]]

# Half of fp32's range, so that the difference of two rewards is finite as well.
_MAX_REWARD = torch.finfo(torch.float32).max / 2


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
        reward_fn: `(response, ground_truth)` to a mapping with the number "reward" and anything
            else ("format_reward", "answer_reward").
        rollout_responses: N responses, those of one prompt side by side.
        repeated_ground_truths: N references, each repeated `group_size` times.
        group_size: responses of one prompt.
        advantage_eps: added to the standard deviation, in the unit of rewards; 0 or more.
        normalize_by_std: divide by the group's standard deviation (GRPO) or not (Dr. GRPO).

    Returns:
        advantages fp32 `[N]`, raw rewards fp32 `[N]`, and statistics: `reward/mean|std|min|max`,
        `reward/zero_std_groups_frac` (groups without a learning signal: all rewards equal in
        fp32), and `<key>/mean` of everything else that `reward_fn` gave, over the responses where
        it is a number (True is 1). What is no number, a text or None, is left out of the mean.

    Raises:
        InputError: numbers that do not fit, a reward that is missing, no number, not finite or
            too large for fp32.
    """
    _require_groups(len(rollout_responses), len(repeated_ground_truths), group_size)
    _require_scale(group_size, advantage_eps, normalize_by_std)
    scored = [
        _scored(reward_fn(response, truth), index)
        for index, (response, truth) in enumerate(
            zip(rollout_responses, repeated_ground_truths, strict=True)
        )
    ]
    rewards = [reward for reward, _ in scored]
    raw = torch.tensor(rewards, dtype=torch.float32)
    # On the CPU whatever the default device: not every accelerator has fp64.
    groups = torch.tensor(rewards, dtype=torch.float64, device="cpu").view(-1, group_size)
    # As the raw rewards are returned: 0.1 + 0.2 and 0.3 are one reward.
    flat = _is_flat(groups.float())
    advantages = groups - groups.mean(dim=1, keepdim=True)
    if normalize_by_std:
        advantages = advantages / (groups.std(dim=1, keepdim=True) + advantage_eps)
    # The mean of equal numbers may differ from them by a rounding, which a tiny std blows up.
    advantages = advantages.masked_fill(flat.unsqueeze(1), 0.0)
    statistics = _reward_statistics(groups, flat) | _other_means([row for _, row in scored])
    return advantages.reshape(-1).to(raw), raw, statistics


def _is_flat(groups: torch.Tensor) -> torch.Tensor:
    """Bool `[G]`: groups whose rewards are all equal."""
    return groups.amax(dim=1) == groups.amin(dim=1)


def _require_scale(group_size: int, advantage_eps: float, normalize_by_std: bool) -> None:
    if normalize_by_std and group_size == 1:
        raise InputError(
            "a group of one response has no standard deviation",
            found="group_size=1 with normalize_by_std=True",
            expected="group_size of at least 2",
            remedy="sample more responses per prompt",
        )
    if not 0 <= advantage_eps < math.inf:
        raise InputError(
            "advantage_eps is negative or not finite",
            found=str(advantage_eps),
            expected="0 or more, usually 1e-6",
        )


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


def _scored(scores: object, index: int) -> tuple[float, Mapping[str, object]]:
    """The reward, and all that came with it."""
    if not isinstance(scores, Mapping) or "reward" not in scores:
        keys = ", ".join(sorted(map(str, scores))) if isinstance(scores, Mapping) else ""
        raise InputError(
            f"reward_fn gave no 'reward' for response {index}",
            found=f"keys {keys or 'none'}" if isinstance(scores, Mapping) else _shown(scores),
            expected="a mapping with the key 'reward'",
            remedy='return {"reward": number}',
        )
    reward = _number(scores["reward"])
    if reward is None:
        raise InputError(
            f"reward_fn gave a reward that is no number for response {index}",
            found=_shown(scores["reward"]),
            expected="a finite number",
            remedy="give a number for every response, 0.0 for one that cannot be scored",
        )
    if not abs(reward) <= _MAX_REWARD:
        raise InputError(
            f"reward_fn gave a reward that is not finite in fp32 for response {index}",
            found=str(reward),
            expected=f"a number from {-_MAX_REWARD:.3g} to {_MAX_REWARD:.3g}: one NaN or infinity"
            " makes the whole group's advantages NaN",
            remedy="give a finite number for every response, 0.0 for one that cannot be scored",
        )
    return reward, scores


def _number(value: object) -> float | None:
    """The value as a float; None where it is no number, infinite where no float is that large."""
    if not isinstance(value, SupportsFloat | SupportsIndex):
        return None
    try:
        return float(value)
    except OverflowError:
        return math.inf
    except (TypeError, ValueError, RuntimeError):  # an array of several numbers
        return None


def _shown(value: object) -> str:
    return f"{shorten(repr(value))} ({type(value).__name__})"


def _reward_statistics(groups: torch.Tensor, flat: torch.Tensor) -> dict[str, float]:
    low, high = groups.min().item(), groups.max().item()
    spread = groups.std(unbiased=groups.numel() > 1).item() if low != high else 0.0
    return {
        "reward/mean": groups.mean().item(),
        "reward/std": spread,
        "reward/min": low,
        "reward/max": high,
        "reward/zero_std_groups_frac": flat.double().mean().item(),
    }


def _other_means(scored: Sequence[Mapping[str, object]]) -> dict[str, float]:
    """`<key>/mean` of whatever is a number, in the order in which keys first appear."""
    means = {}
    for key in dict.fromkeys(key for row in scored for key in row if key != "reward"):
        values = [number for row in scored if (number := _number(row.get(key))) is not None]
        if values:
            means[f"{key}/mean"] = sum(values) / len(values)
    return means
