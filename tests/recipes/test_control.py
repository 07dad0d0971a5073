"""A control run: rewards permuted within each group, the same in a resumed run."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("torch", reason="rewards are tensors")

import torch

from mindspeed_rl_ext.recipes.training.trainer.groups import CountedGrpo, RightResponses


class Scores:
    """TRL's trainer as far as rewards go: the number of each response."""

    def _calculate_rewards(self, inputs: Any, prompts: Any, completions: Any, ids: Any) -> Any:
        return torch.arange(len(completions), dtype=torch.float32).view(-1, 1)


def trainer(step: int, *, permute: bool) -> Any:
    class Ours(CountedGrpo, Scores):
        def _log_metric(self, name: str, value: float) -> None: ...

    one = object.__new__(Ours)
    one.num_generations, one.reward_weights = 4, torch.ones(1)
    one.permute_rewards, one.right = permute, RightResponses()
    one.right.last = [0.0] * 12
    one.args, one.state = SimpleNamespace(seed=7), SimpleNamespace(global_step=step)
    one.accelerator = SimpleNamespace(device="cpu", gather=lambda tensor: tensor)
    return one


def rewards(step: int, *, permute: bool = True) -> list[float]:
    texts = ["x"] * 12
    scored = trainer(step, permute=permute)._calculate_rewards([], [], texts, [])
    return [float(value) for value in scored[:, 0]]


def test_every_group_keeps_its_rewards_and_no_response_its_own() -> None:
    found = rewards(3)
    for start in (0, 4, 8):
        assert sorted(found[start : start + 4]) == [start, start + 1, start + 2, start + 3]
    assert found != rewards(3, permute=False) == [float(n) for n in range(12)]


def test_a_step_is_permuted_alike_again_and_another_step_otherwise() -> None:
    assert rewards(3) == rewards(3)
    assert len({tuple(rewards(step)) for step in range(8)}) > 6
