"""Curves and a page from a run's metrics.

Reads metrics.jsonl and, where it is there, rollouts.jsonl; writes curves.png and report.html, one
file that opens without a network.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from mindspeed_rl_ext.report.run import write_report


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the flags of `msrl-ext report`."""
    parser.add_argument(
        "path", type=Path, metavar="DIR_OR_FILE", help="a run's directory, or its metrics.jsonl"
    )
    parser.add_argument(
        "-o", "--output", type=Path, metavar="OUT_DIR", help="default: beside the metrics"
    )
    parser.add_argument("--title", help="heading of the page; default: the directory's name")


def run(args: argparse.Namespace) -> int:
    """Writes the report of a run."""
    files = write_report(args.path, args.output, title=args.title)
    print(files.html)
    print(files.png)
    return 0
