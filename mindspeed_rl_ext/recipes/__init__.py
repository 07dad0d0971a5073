"""Trainings that can be run by name, and the quickstart that shows the whole loop."""
