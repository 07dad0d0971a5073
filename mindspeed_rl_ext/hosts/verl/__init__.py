"""verl: its reward manager, its extension points, rows scored in batches."""
