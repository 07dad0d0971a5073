"""Tasks that are made on the spot: problems, reference answers, worked solutions."""
