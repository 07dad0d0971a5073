"""One file a host line: each holds `ADAPTER`, and is found because it lies here."""
