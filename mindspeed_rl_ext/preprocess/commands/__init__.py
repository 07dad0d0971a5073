"""The subcommands of this room: `msrl-ext preprocess` and `msrl-ext preview`."""
