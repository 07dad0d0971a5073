"""The rules that decide a pair: one table by kinds, and the functions it names."""
