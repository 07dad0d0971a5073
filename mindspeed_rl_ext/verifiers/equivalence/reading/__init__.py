"""An answer as text to the tree of its mathematics."""
