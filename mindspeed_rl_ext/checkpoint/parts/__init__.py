"""One node's part of a checkpoint: which ranks it is, its manifest, and parts that make a whole."""
