"""A door: `python preprocess_prompts.py ...` is `msrl-ext preprocess ...`."""

import sys

from mindspeed_rl_ext import cli

if __name__ == "__main__":
    sys.exit(cli.main(["preprocess", *sys.argv[1:]]))
