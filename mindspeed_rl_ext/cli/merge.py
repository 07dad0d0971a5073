"""Joins packed files: the parts of `preprocess --shard I/N`, or runs over different data.

  msrl-ext merge ./dataset/gsm8k                     the parts PREFIX_part1of4 ... in their order
  msrl-ext merge ./dataset/both ./dataset/a ./dataset/b   one after another
The parts stay where they are.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from mindspeed_rl_ext.cli.preprocess import summary
from mindspeed_rl_ext.preprocess.packing.merge import merge


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the flags."""
    add = parser.add_argument
    add("prefix", metavar="PREFIX", type=Path, help="prefix of the joined files")
    add("parts", metavar="PART", type=Path, nargs="*", help="prefixes to join, in this order")
    add("--shuffle", action="store_true", help="mix the rows, by --seed")
    add("--seed", type=int, default=0, metavar="N", help="what --shuffle depends on (0)")
    add("--overwrite", action="store_true", help="replace files of that prefix")


def run(args: argparse.Namespace) -> int:
    """Joins, then prints what there is."""
    seed = args.seed if args.shuffle else None
    report = merge(args.prefix, args.parts, shuffle_seed=seed, overwrite=args.overwrite)
    print(summary(report))
    return 0
