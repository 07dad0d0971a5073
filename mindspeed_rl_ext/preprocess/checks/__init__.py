"""What must not be in a prompt, and what must be."""
