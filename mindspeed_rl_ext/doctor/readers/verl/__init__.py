"""Configurations of verl: hydra overrides in a shell script, a file of overrides, or a YAML."""
