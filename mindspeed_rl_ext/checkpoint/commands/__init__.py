"""The commands `msrl-ext convert`, `inspect`, `verify` and `diff`."""
