"""A door: `python preprocess_prompts.py ...` is `msrl-ext preprocess ...`."""

import sys

from mindspeed_rl_ext.cli import _dispatch as cli

if __name__ == "__main__":
    sys.exit(cli.main(["preprocess", *sys.argv[1:]]))
