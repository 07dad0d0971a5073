"""Convert checkpoints between HuggingFace and Megatron formats, with the flags of the hosts.

Any format that is read becomes any that is written; mg -> mg reshards. Nothing is written before
the whole plan holds; --dry-run stops there.
"""

from __future__ import annotations

import argparse
import json
import logging
from collections.abc import Sequence

from mindspeed_rl_ext.checkpoint.host_flags import add_arguments, read_options
from mindspeed_rl_ext.checkpoint.options import RAY, ConvertOptions
from mindspeed_rl_ext.cli._output import as_ours, show, show_error
from mindspeed_rl_ext.core.errors import EXIT_DONE
from mindspeed_rl_ext.core.interrupts import terminable

DESCRIPTION_ZH = """在 HuggingFace 与 Megatron 格式之间转换检查点，参数与宿主的转换脚本相同。

能读的格式都能转成能写的格式；mg -> mg 即重新切分。整个计划成立之前不写任何文件；--dry-run
到此为止。
"""

log = logging.getLogger(__name__)

__all__ = ["add_arguments", "run"]


def run(args: argparse.Namespace) -> int:
    """Converts, or prints the plan; returns the exit code."""
    from mindspeed_rl_ext.checkpoint.convert import run_job
    from mindspeed_rl_ext.checkpoint.job import plan_job
    from mindspeed_rl_ext.checkpoint.tables import plan_lines, report_data, report_line

    options = read_options(args)
    if options.engine == RAY:
        return _run_on_nodes(options)
    job = plan_job(options)
    if options.dry_run:
        if options.json:
            print(json.dumps(job.as_data(), indent=1))
        else:
            show("\n".join(plan_lines(job)))
        return 0
    with terminable():
        report = run_job(job)
    if options.json:
        print(json.dumps(report_data(report, options), indent=1))
    else:
        show(report_line(report, options))
    return 0


def _run_on_nodes(options: ConvertOptions) -> int:
    """Converts on the nodes of a Ray cluster; returns the worst exit code."""
    from mindspeed_rl_ext.checkpoint.tables import node_line, report_line_of_node
    from mindspeed_rl_ext.integrations.ray_conversion import NodeReply, convert_on_nodes

    def planned(replies: Sequence[NodeReply]) -> None:
        for reply in replies:
            if not (reply.error or options.json):
                show(node_line(reply.number, reply.node, reply.report))

    def done(reply: NodeReply) -> None:
        for text in reply.report.get("warnings", ()):
            log.warning("node %s, %s: %s", reply.number, reply.node, text)
        if not (reply.error or options.json):
            show(report_line_of_node(reply.number, reply.node, reply.report))

    with terminable():
        replies = convert_on_nodes(options, planned, done)
    failed = {reply: as_ours(reply.error) for reply in replies if reply.error}
    for reply, error in failed.items():
        show(f"node {reply.number}, {reply.node} failed", to_stderr=True)
        show_error(error)
    if options.json:
        rows = [
            {"number": reply.number, "node": reply.node, **reply.report}
            | ({"error": str(failed[reply])} if reply in failed else {})
            for reply in replies
        ]
        print(json.dumps(rows, indent=1))
    return max((error.exit_code for error in failed.values()), default=EXIT_DONE)
