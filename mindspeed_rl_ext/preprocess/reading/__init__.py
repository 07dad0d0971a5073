"""Data files to rows, and rows to the columns that are used."""
