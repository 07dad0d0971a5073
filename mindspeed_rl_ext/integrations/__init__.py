"""Trainers that are not hosts: what lets TRL use our verifiers, prompts and metric names."""
