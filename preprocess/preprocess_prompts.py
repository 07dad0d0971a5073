"""`python preprocess_prompts.py ...` is `msrl-ext preprocess ...`, with the hosts' flags."""

import sys
from pathlib import Path

# From a checkout that is not installed, the package lies beside this folder.
sys.path.append(str(Path(__file__).resolve().parents[1]))

from mindspeed_rl_ext.cli._dispatch import main

if __name__ == "__main__":
    sys.exit(main(["preprocess", *sys.argv[1:]]))
