"""MindSpeed-RL's real RuleReward actor scores with our names: Ray's worker activates by itself."""

from __future__ import annotations

import pytest

RESPONSES = ["So \\boxed{6}.", "It is 6.", "So \\boxed{13}.", "<answer>12</answer> \\boxed{12}"]
SIMPLERL = [1.0, -1.0, -0.5, 1.0]
JOB = {
    "responses": RESPONSES,
    "prompts": ["Tom has 2 apples"] * 2 + ["Tom has 3 apples"] * 2,
    "labels": ["6", "6", "12", "12"],
    "source": ["\\boxed{}"] * 2 + ["grade-school"] * 2,
    "names": ["format", "simplerl", "conformance_probe"],
    "weights": [0.0, 1.0, 0.0],
    "hook": None,
}


def looks_right(line, found):
    assert found["error"] is None
    start = line.behaviour.metric_prefix
    # The dock hands out the two prompts in any order.
    scores = found["metrics"][f"{start}simplerl_rewards/mean"]
    assert scores in (SIMPLERL, SIMPLERL[2:] + SIMPLERL[:2])
    assert f"{start}format_rewards/mean" in found["metrics"]
    assert min(found["metrics"][f"{start}conformance_probe_rewards/mean"]) > 0
    if line.behaviour.filters_groups:
        assert found["filtered_by"] == SIMPLERL
    if not line.behaviour.normalises:
        assert found["rewards"] == SIMPLERL
    else:
        half = 2**0.5 / 2
        assert found["rewards"] == pytest.approx([half, -half, -half, half], abs=1e-4)


def test_the_actor_scores_with_our_names(rl_line, check, tokenizer_dir):
    looks_right(rl_line, check(rl_line, "ray_rl", {**JOB, "tokenizer": tokenizer_dir}))


def test_the_setup_hook_does_the_same_without_the_pth(rl_line, check, tokenizer_dir, bare_python):
    job = {**JOB, "tokenizer": tokenizer_dir, "hook": "mindspeed_rl_ext.activate"}
    looks_right(rl_line, check(rl_line, "ray_rl", job, bare_python))
