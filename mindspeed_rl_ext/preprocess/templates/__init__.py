"""Prompts by a template, and their tokens."""
