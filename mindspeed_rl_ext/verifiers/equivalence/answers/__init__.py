"""One answer by itself: choices, clock times, words, units, and the tree of what is mathematics."""
