"""Makes prompt-only files of packed instruction files, whose input_ids hold the response too.

Such files come from the hosts' instruction handlers: labels are -100 on the prompt. What comes
before the last response stays, the reference answer is taken out of the response.

  msrl-ext strip ./dataset/gsm8k_instruct ./dataset/gsm8k --tokenizer-name-or-path ./Qwen2.5-7B
"""

from __future__ import annotations

import argparse
from pathlib import Path

from mindspeed_rl_ext.cli._output import show
from mindspeed_rl_ext.cli.preprocess import summary
from mindspeed_rl_ext.core.options import add_options, build_options, given_options
from mindspeed_rl_ext.preprocess.packing.options import StripOptions
from mindspeed_rl_ext.preprocess.packing.packed import read_packed
from mindspeed_rl_ext.preprocess.packing.preview import recorded_tokenizer
from mindspeed_rl_ext.preprocess.packing.strip import strip, strip_options
from mindspeed_rl_ext.preprocess.templates.tokenizer import load_tokenizer

DESCRIPTION_ZH = """把指令数据的打包文件（input_ids 里含有回复）变成只含提示的文件。

这类文件由宿主的指令 handler 生成：提示部分的 labels 为 -100。最后一条回复之前的内容保留，
参考答案从回复中取出。

  msrl-ext strip ./dataset/gsm8k_instruct ./dataset/gsm8k --tokenizer-name-or-path ./Qwen2.5-7B
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the flags."""
    add_options(parser, StripOptions)


def run(args: argparse.Namespace) -> int:
    """Strips, then prints what was kept."""
    given = build_options(StripOptions, ("flags", given_options(StripOptions, args)))
    folder = given.tokenizer_name_or_path or recorded_tokenizer(read_packed(given.source).prefix)
    options = strip_options(given, str(folder))
    show(summary(strip(options, load_tokenizer(Path(folder).expanduser().resolve()))))
    return 0
