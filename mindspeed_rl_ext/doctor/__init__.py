"""What is wrong before a run costs money: one check for each known failure.

Covers: the environment and the activation.
Does not cover yet: configurations, models, checkpoints, data, a Ray cluster.
"""
