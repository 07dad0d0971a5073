"""Where two checkpoints of one format differ: a line for each tensor."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from mindspeed_rl_ext.core.errors import EXIT_CHECK_FAILED, EXIT_DONE


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments."""
    parser.add_argument("a", type=Path, help="a checkpoint")
    parser.add_argument("b", type=Path, help="another of the same format")
    parser.add_argument("--json", action="store_true", help="print the rows as JSON")


def run(args: argparse.Namespace) -> int:
    """Prints the differences; 0 where there are none, 1 otherwise."""
    from mindspeed_rl_ext.checkpoint.describe import differences

    rows = differences(args.a, args.b)
    if args.json:
        print(json.dumps(rows, indent=1))
    else:
        for row in rows:
            text = row["what"]
            if "max_abs_diff" in row:
                text = f"{row['differing']} values differ, by at most {row['max_abs_diff']:.3g}"
            print(f"{row['name']}: {text}")
        print(f"{len(rows)} tensors differ")
    return EXIT_CHECK_FAILED if rows else EXIT_DONE
