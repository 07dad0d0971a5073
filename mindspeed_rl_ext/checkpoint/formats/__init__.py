"""The formats of checkpoints on disk: one folder each, with a reader and a writer."""
