"""Convert checkpoints between HuggingFace and Megatron formats, with the flags of the hosts.

Any format that is read becomes any that is written; mg -> mg reshards. Nothing is written before
the whole plan holds; --dry-run stops there.
"""

from __future__ import annotations

import argparse
import json

from mindspeed_rl_ext.checkpoint.host_flags import add_arguments, read_options
from mindspeed_rl_ext.core.interrupts import terminable

SUMMARY_ZH = "在 HuggingFace 与 Megatron-core 检查点之间转换，参数与宿主的转换脚本相同"

__all__ = ["add_arguments", "run"]


def run(args: argparse.Namespace) -> int:
    """Converts, or prints the plan; returns the exit code."""
    from mindspeed_rl_ext.checkpoint.convert import run_job
    from mindspeed_rl_ext.checkpoint.job import plan_job
    from mindspeed_rl_ext.checkpoint.tables import plan_lines, report_data, report_line

    options = read_options(args)
    job = plan_job(options)
    if options.dry_run:
        lines = [json.dumps(job.as_data(), indent=1)] if options.json else plan_lines(job)
        for line in lines:
            print(line)
        return 0
    with terminable():
        report = run_job(job)
    if options.json:
        print(json.dumps(report_data(report, options), indent=1))
    else:
        print(report_line(report, options))
    return 0
