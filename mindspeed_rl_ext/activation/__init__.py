"""What the installed `.pth` starts, and the ways to start it by hand.

Covers: `startup` (the code of the `.pth`), `hook` (the import hook), `activate` and `msrl-ext run`.
Does not cover: what is done to a host module once it is imported; `hosts` does.
"""
