"""Prove two checkpoints the same model: names, shapes and every value, both ways."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from mindspeed_rl_ext.checkpoint.wording import in_bytes
from mindspeed_rl_ext.core.errors import EXIT_CHECK_FAILED, EXIT_DONE


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments."""
    parser.add_argument("src", type=Path, help="a HuggingFace or Megatron checkpoint")
    parser.add_argument("dst", type=Path, help="the checkpoint that was made from it")
    parser.add_argument("--hf-cfg-dir", type=Path, help="config.json, where SRC and DST lack it")
    parser.add_argument("--json", action="store_true", help="print the result as JSON")


def run(args: argparse.Namespace) -> int:
    """Verifies; 0 where everything holds, 1 where something differs."""
    from mindspeed_rl_ext.checkpoint.verify import verify

    report = verify(args.src, args.dst, hf_cfg_dir=args.hf_cfg_dir)
    if args.json:
        row = {"ok": report.ok, "tensors": report.tensors, "bytes": report.compared_bytes}
        print(json.dumps({**row, "problems": report.problems}, indent=1))
    else:
        for problem in report.problems:
            print(problem)
        verdict = "the same model" if report.ok else f"{len(report.problems)} problems"
        size = in_bytes(report.compared_bytes)
        print(f"{report.tensors} tensors, {size} compared bit for bit: {verdict}")
    return EXIT_DONE if report.ok else EXIT_CHECK_FAILED
