"""TRL's trainers with what ours add: whole checkpoints, groups, exact resume."""
