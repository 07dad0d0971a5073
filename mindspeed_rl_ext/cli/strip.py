"""Makes prompt-only files of packed instruction files, whose input_ids hold the response too.

Such files come from the hosts' instruction handlers: labels are -100 on the prompt. What comes
before the last response stays, the reference answer is taken out of the response.

  msrl-ext strip ./dataset/gsm8k_instruct ./dataset/gsm8k --tokenizer-name-or-path ./Qwen2.5-7B
"""

from __future__ import annotations

import argparse
from pathlib import Path

from mindspeed_rl_ext.cli.preprocess import summary
from mindspeed_rl_ext.core.options import add_options, build_options, given_options
from mindspeed_rl_ext.preprocess.packing.options import StripOptions
from mindspeed_rl_ext.preprocess.packing.packed import read_packed
from mindspeed_rl_ext.preprocess.packing.preview import recorded_tokenizer
from mindspeed_rl_ext.preprocess.packing.strip import strip, strip_options
from mindspeed_rl_ext.preprocess.templates.tokenizer import load_tokenizer

SUMMARY_ZH = "从 input_ids 里含有回复的指令打包文件做出只含提示的文件"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the flags."""
    add_options(parser, StripOptions)


def run(args: argparse.Namespace) -> int:
    """Strips, then prints what was kept."""
    given = build_options(StripOptions, ("flags", given_options(StripOptions, args)))
    folder = given.tokenizer_name_or_path or recorded_tokenizer(read_packed(given.source).prefix)
    options = strip_options(given, str(folder))
    print(summary(strip(options, load_tokenizer(Path(folder).expanduser().resolve()))))
    return 0
