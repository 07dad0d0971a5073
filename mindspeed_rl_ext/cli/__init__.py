"""The commands of `msrl-ext`: one module a command, found because it lies here."""
