"""Prove two checkpoints the same model: names, shapes and every value, both ways."""

from __future__ import annotations

import argparse
import json

from mindspeed_rl_ext.checkpoint.options import VerifyOptions
from mindspeed_rl_ext.checkpoint.wording import in_bytes
from mindspeed_rl_ext.cli._output import show
from mindspeed_rl_ext.core.errors import EXIT_CHECK_FAILED, EXIT_DONE
from mindspeed_rl_ext.core.options import add_options, build_options, given_options

DESCRIPTION_ZH = "证明两个检查点是同一个模型：名称、形状和每个值，双向核对。"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments."""
    add_options(parser, VerifyOptions)


def run(args: argparse.Namespace) -> int:
    """Verifies; 0 where everything holds, 1 where something differs."""
    from mindspeed_rl_ext.checkpoint.verify import verify

    given = given_options(VerifyOptions, args)
    options = build_options(VerifyOptions, ("the command line", given))
    report = verify(options.src, options.dst, hf_cfg_dir=options.hf_cfg_dir, adapter=options)
    if options.json:
        row = {"ok": report.ok, "tensors": report.tensors, "bytes": report.compared_bytes}
        part = {"part": report.part} if report.part else {}
        rest = {"problems": report.problems, "hint": report.hint}
        print(json.dumps({**row, **part, **rest}, indent=1))
    else:
        for problem in report.problems:
            show(problem)
        if report.hint:
            show(report.hint)
        if report.part:
            show(f"part of a checkpoint: {report.part}")
        verdict = "the same model" if report.ok else f"{len(report.problems)} differences"
        size = in_bytes(report.compared_bytes)
        show(f"{report.tensors} tensors, {size} compared bit for bit: {verdict}")
    return EXIT_DONE if report.ok else EXIT_CHECK_FAILED
