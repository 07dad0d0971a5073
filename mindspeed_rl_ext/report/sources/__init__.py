"""Where the numbers of a run come from: one reader a kind of file, and what finds them."""
