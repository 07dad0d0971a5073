"""One module per stage: sample, sft, expert_iteration, grpo."""
