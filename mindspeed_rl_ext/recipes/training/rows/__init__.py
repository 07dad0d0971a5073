"""What a training reads: prompts with reference answers, examples to imitate."""
