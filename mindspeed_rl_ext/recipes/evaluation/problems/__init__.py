"""What an evaluation asks: benchmarks, problems, prompts, recorded responses."""
