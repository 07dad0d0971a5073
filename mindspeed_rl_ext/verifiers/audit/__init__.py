"""Looking at scores: one row step by step, where verifiers disagree, whether references serve."""
