"""What went wrong in a run, told from its log: rules, evidence, causes, what to try."""
