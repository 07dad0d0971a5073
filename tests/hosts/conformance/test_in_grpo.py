"""MindSpeed-RL's GRPO data path: our packed files, a recorded rollout for vLLM, advantages."""

from __future__ import annotations

import pytest

# Two samples of each of the first two rows, whose answers are 6 and 12.
RESPONSES = ["So \\boxed{6}.", "It is 6, I think.", "So \\boxed{13}, sure.", "So \\boxed{12}."]


def test_advantages_of_our_verifier_reach_every_token(rl_line, check, prefix, tokenizer_dir):
    job = {"prefix": prefix, "tokenizer": tokenizer_dir, "responses": RESPONSES}
    found = check(rl_line, "grpo_rl", {**job, "names": ["simplerl"]})
    assert "Tom has 2 apples" in found["prompts"][0]
    assert "Tom has 3 apples" in found["prompts"][2]
    # Two samples of different scores lie half a distance from their mean: 1 / sqrt(2) deviations.
    right = 2**-0.5
    for signs, length, row in zip(
        (1, -1, -1, 1), found["lengths"], found["advantages"], strict=True
    ):
        assert row == pytest.approx([signs * right] * length, abs=1e-4)
