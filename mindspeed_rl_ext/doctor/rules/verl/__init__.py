"""Rules on runs of verl: what its own check passes and what fails late, or never."""
