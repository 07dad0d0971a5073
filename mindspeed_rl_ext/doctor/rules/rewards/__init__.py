"""Rules on verifiers, labels, prompts and models that are scored."""
