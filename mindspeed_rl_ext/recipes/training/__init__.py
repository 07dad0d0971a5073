"""Trainings by name: one YAML file, four stages, TRL underneath."""
