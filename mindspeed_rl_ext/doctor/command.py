"""Says what is wrong with this environment, before a run costs money.

Checks Python, the versions of libraries that do not go together, whether hosts are adapted when
they are imported, and whether they are hosts that this version knows. Imports no host and no
heavy library. With --data, also whether packed files are prompts and nothing else. Exits with 1
where an error is found.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter

from mindspeed_rl_ext.doctor.surroundings import gather
from mindspeed_rl_ext.doctor.table import examine, in_order
from mindspeed_rl_ext.errors import EXIT_CHECK_FAILED, EXIT_DONE


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the flags of `msrl-ext doctor`."""
    parser.add_argument("--data", metavar="PREFIX", help="packed files to look at")
    parser.add_argument("--model", metavar="HF_DIR", help="the tokenizer of --data")
    parser.add_argument("--json", action="store_true", help="findings as a JSON list")


def run(args: argparse.Namespace) -> int:
    """Prints the findings."""
    findings = examine(gather())
    if args.data:
        from mindspeed_rl_ext.doctor.data import packed_data

        findings = in_order([*findings, *packed_data(args.data, args.model)])
    counts = Counter(finding.level for finding in findings)
    if args.json:
        print(json.dumps([vars(finding) for finding in findings], ensure_ascii=False, indent=2))
    else:
        for finding in findings:
            print(finding)
        print(f"\n{counts['error']} errors, {counts['warning']} warnings")
    return EXIT_CHECK_FAILED if counts["error"] else EXIT_DONE
