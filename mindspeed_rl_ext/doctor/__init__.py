"""What is wrong before a run costs money: one rule for each known failure.

Covers: the environment, the activation, configurations of the hosts and of verl, data sets, TRL and
accelerate, models, checkpoints, scripts, packed data, the nodes of a Ray cluster; resume-config.
Does not cover: devices; what only a run can show.
"""
