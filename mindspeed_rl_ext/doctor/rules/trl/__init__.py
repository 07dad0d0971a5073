"""Rules on files of TRL and accelerate, and on our recipes."""
