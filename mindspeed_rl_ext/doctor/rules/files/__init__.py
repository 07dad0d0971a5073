"""Rules on files that both hosts share: models, checkpoints, data, scripts."""
