"""Joins packed files: the parts of `preprocess --shard I/N`, or runs over different data.

  msrl-ext merge ./dataset/gsm8k                     the parts PREFIX_part1of4 ... in their order
  msrl-ext merge ./dataset/both ./dataset/a ./dataset/b   one after another
The parts stay where they are.
"""

from __future__ import annotations

import argparse

from mindspeed_rl_ext.cli._output import show
from mindspeed_rl_ext.cli.preprocess import summary
from mindspeed_rl_ext.core.options import add_options, build_options, given_options
from mindspeed_rl_ext.preprocess.packing.merge import merge
from mindspeed_rl_ext.preprocess.packing.options import MergeOptions

DESCRIPTION_ZH = """合并打包文件：`preprocess --shard I/N` 的各部分，或不同数据的多次结果。

  msrl-ext merge ./dataset/gsm8k                     各部分 PREFIX_part1of4 ... 按顺序
  msrl-ext merge ./dataset/both ./dataset/a ./dataset/b   依次相接
各部分保留在原处。
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the flags."""
    add_options(parser, MergeOptions)


def run(args: argparse.Namespace) -> int:
    """Joins, then prints what there is."""
    options = build_options(MergeOptions, ("flags", given_options(MergeOptions, args)))
    seed = options.seed if options.shuffle else None
    report = merge(options.prefix, options.parts, shuffle_seed=seed, overwrite=options.overwrite)
    show(summary(report))
    return 0
