"""Verifiers, prompts and models of a run, as far as its files tell."""
