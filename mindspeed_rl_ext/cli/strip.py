"""Makes prompt-only files of packed instruction files, whose input_ids hold the response too.

Such files come from the hosts' instruction handlers: labels are -100 on the prompt. What comes
before the last response stays, the reference answer is taken out of the response.

  msrl-ext strip ./dataset/gsm8k_instruct ./dataset/gsm8k --tokenizer-name-or-path ./Qwen2.5-7B
"""

from __future__ import annotations

import argparse
from pathlib import Path

from mindspeed_rl_ext.cli.preprocess import summary
from mindspeed_rl_ext.preprocess.options import EXTRACTOR_HELP
from mindspeed_rl_ext.preprocess.packing.packed import read_packed
from mindspeed_rl_ext.preprocess.packing.preview import recorded_tokenizer
from mindspeed_rl_ext.preprocess.packing.strip import strip, strip_options
from mindspeed_rl_ext.preprocess.templates.tokenizer import load_tokenizer


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the flags."""
    add = parser.add_argument
    add("source", metavar="IN", help="prefix of the instruction files")
    add("target", metavar="OUT", type=Path, help="prefix of the prompt-only files")
    add("--tokenizer-name-or-path", metavar="DIR", help="default: the one a report beside IN names")
    add("--label-extractor", default="auto", metavar="HOW", help=EXTRACTOR_HELP)
    add("--max-prompt-length", type=int, metavar="TOKENS", help="drop longer prompts")
    add("--overwrite", action="store_true", help="replace files of prefix OUT")


def run(args: argparse.Namespace) -> int:
    """Strips, then prints what was kept."""
    folder = args.tokenizer_name_or_path or recorded_tokenizer(read_packed(args.source))
    options = strip_options(
        args.source,
        args.target,
        str(folder),
        label_extractor=args.label_extractor,
        max_prompt_length=args.max_prompt_length,
        overwrite=args.overwrite,
    )
    print(summary(strip(options, load_tokenizer(Path(folder).expanduser().resolve()))))
    return 0
