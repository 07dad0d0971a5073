"""MindSpeed-LLM 26.x trains by GRPO in rlhf_gpt.py, with MindSpeed-RL's rule reward.

Run: its imports, its parser and validation of its own YAML with our names, the scoring that its
rule reward does. Not run: what follows, which places workers on NPUs.
"""

from __future__ import annotations

import pytest


def test_its_configuration_names_our_verifiers_and_its_rule_reward_scores_with_them(
    llm_line, check, tokenizer_dir
):
    checkout = llm_line.paths()[0]
    if not (checkout / "rlhf_gpt.py").exists():
        pytest.skip("has no rlhf_gpt.py")
    job = {
        "checkout": checkout, "tokenizer": tokenizer_dir, "names": ["simplerl", "format"],
        "responses": ["So \\boxed{6}.", "It is 6.", "So \\boxed{13}.", "So \\boxed{12}."],
        "prompts": ["Tom has 2 apples"] * 2 + ["Tom has 3 apples"] * 2,
        "labels": ["6", "6", "12", "12"],
    }  # fmt: skip
    found = check(llm_line, "rlhf_llm", job)
    # simplerl, and nothing from the host's format rule, which no response keeps.
    assert found["rewards"] == [1.0, -1.0, -0.5, 1.0]
    assert {"simplerl_rewards/mean", "format_rewards/mean"} <= set(found["metrics"])
    assert "unknown verifier 'simpleRL'" in found["unknown"]
