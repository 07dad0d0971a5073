"""A configuration of MindSpeed-RL in the words of verl: one table of keys, and what it writes."""
