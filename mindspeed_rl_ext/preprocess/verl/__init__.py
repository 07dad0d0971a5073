"""verl's data: chat prompts in a Parquet file, the reference answer beside them."""
