"""The `msrl-ext` command and `python -m mindspeed_rl_ext.cli`; Ctrl-C is quiet from the start.

Covers: an interrupt while the command line is still being imported, about a tenth of a second.
Does not cover: one in Python's own start, before any code of ours runs.
"""

import sys


def main() -> int:
    """Runs `msrl-ext`; returns the exit code."""
    try:
        from mindspeed_rl_ext.cli._dispatch import main as run

        return run()
    except KeyboardInterrupt:
        sys.stderr.write("interrupted\n")  # the dispatcher says more once it runs
        return 130


if __name__ == "__main__":
    sys.exit(main())
