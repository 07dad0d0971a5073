"""Where two checkpoints of one format differ: a line for each tensor."""

from __future__ import annotations

import argparse
import json

from mindspeed_rl_ext.checkpoint.options import DiffOptions
from mindspeed_rl_ext.cli._output import show
from mindspeed_rl_ext.core.errors import EXIT_CHECK_FAILED, EXIT_DONE
from mindspeed_rl_ext.core.options import add_options, build_options, given_options

DESCRIPTION_ZH = "比较同一格式的两个检查点，每个不同的张量一行。"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments."""
    add_options(parser, DiffOptions)


def run(args: argparse.Namespace) -> int:
    """Prints the differences; 0 where there are none, 1 otherwise."""
    from mindspeed_rl_ext.checkpoint.differences import differences

    options = build_options(DiffOptions, ("the command line", given_options(DiffOptions, args)))
    rows = differences(options.a, options.b)
    if options.json:
        print(json.dumps(rows, indent=1))
    else:
        for row in rows:
            text = row["what"]
            if "max_abs_diff" in row:
                text = f"{row['differing']} values differ, by at most {row['max_abs_diff']:.3g}"
            show(f"{row['name']}: {text}")
        show(f"{len(rows)} tensors differ")
    return EXIT_CHECK_FAILED if rows else EXIT_DONE
