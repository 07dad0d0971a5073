"""A plan and a report as lines for people and as data for programs.

Covers: what `msrl-ext convert` prints.
Does not cover: printing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

from mindspeed_rl_ext.checkpoint.convert import ConvertReport
from mindspeed_rl_ext.checkpoint.destination import free_disk
from mindspeed_rl_ext.checkpoint.formats.protocol import Totals
from mindspeed_rl_ext.checkpoint.job import Job
from mindspeed_rl_ext.checkpoint.options import ConvertOptions
from mindspeed_rl_ext.checkpoint.parts.ranks import ranks_text
from mindspeed_rl_ext.checkpoint.wording import in_bytes


def plan_lines(job: Job) -> Iterator[str]:
    """The plan: what is written where, and what disk and memory it needs."""
    layout = {key: value for key, value in asdict(job.layout).items() if value}
    yield f"{job.direction}, {job.model.spec.name}, {len(job.files)} files"
    yield f"layout: {', '.join(f'{key}={value}' for key, value in layout.items())}"
    if job.part:
        yield f"part: {job.part.text}"
    totals = Totals()
    for file in job.files:
        before, lines = totals, []
        for plan in file.plans:
            lines.append(f"  {plan.ref.name:<60} {plan.dtype.name:<9} {list(plan.shape)}")
            totals = totals.with_tensor(plan)
        size = in_bytes(totals.nbytes - before.nbytes)
        # In one piece: 2,048 files have half a million lines.
        yield "\n".join([f"{file.name}: {len(lines)} tensors, {size}", *lines])
    needed, free = job.needed_bytes(totals), free_disk(job.options.save_dir)
    memory = in_bytes(job.memory_bytes(totals))
    yield f"{totals.tensors} tensors, {in_bytes(totals.nbytes)}"
    yield (
        f"needed {in_bytes(needed)} of disk, {in_bytes(free)} free, and about {memory} of memory; "
        "nothing was written"
    )
    if needed > free:
        yield f"warning: the disk of {job.options.save_dir} is too small for this"


def node_plan(job: Job) -> dict[str, Any]:
    """What a node would write, for programs."""
    totals = job.totals
    return {
        "part": ranks_text(job.layout, job.part.dirs if job.part else job.layout.rank_dirs()),
        "ranks": [file.shard for file in job.files],
        "files": len(job.files),
        "bytes": totals.nbytes,
        "needed_bytes": job.needed_bytes(totals),
        "free_disk_bytes": free_disk(job.options.save_dir),
    }


def node_line(number: int, node: str, plan: Mapping[str, Any]) -> str:
    """What a node would write, for people.

    Args:
        number: the node's number.
        node: its address.
        plan: what `node_plan` returned there.
    """
    needed, free = in_bytes(plan["needed_bytes"]), in_bytes(plan["free_disk_bytes"])
    return f"node {number}, {node}: {plan['part']}; needed {needed} of disk, {free} free"


def report_line_of_node(number: int, node: str, report: Mapping[str, Any]) -> str:
    """What a node wrote, in a line.

    Args:
        number: the node's number.
        node: its address.
        report: what `report_data` returned there.
    """
    verified = "; verified" if report["verified"] else ""
    return (
        f"node {number}, {node}: {report['tensors']} tensors in {report['files']} files, "
        f"{in_bytes(report['bytes'])}{verified}"
    )


def report_data(report: ConvertReport, options: ConvertOptions) -> dict[str, Any]:
    """What was written, for programs."""
    return {
        "save_dir": str(options.save_dir),
        "tensors": report.tensors,
        "files": report.files,
        "bytes": report.bytes_written,
        "drifted": report.drifted,
        "with_nan": report.with_nan,
        "verified": report.verified.ok if report.verified else None,
        **({"part": report.part} if report.part else {}),
    }


def report_line(report: ConvertReport, options: ConvertOptions) -> str:
    """What was written, in a line."""
    return (
        f"{options.save_dir}: {report.tensors} tensors in {report.files} files, "
        f"{in_bytes(report.bytes_written)}"
        + (f"; {report.part}" if report.part else "")
        + (f"; verified {report.verified.tensors} tensors" if report.verified else "")
    )
