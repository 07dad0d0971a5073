"""What went wrong in a run, by its log: rules, evidence, causes, what to try."""
