"""A plan and a report as lines for people and as data for programs.

Covers: what `msrl-ext convert` prints.
Does not cover: printing.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mindspeed_rl_ext.checkpoint.convert import ConvertReport
from mindspeed_rl_ext.checkpoint.job import Job
from mindspeed_rl_ext.checkpoint.options import ConvertOptions
from mindspeed_rl_ext.checkpoint.wording import in_bytes


def plan_lines(job: Job) -> Iterator[str]:
    """The plan: what is written where, and what disk and memory it needs."""
    data = job.as_data()
    count = sum(len(file["tensors"]) for file in data["files"].values())
    yield f"{data['direction']}, {data['model_type']}, {count} tensors"
    yield f"layout: {', '.join(f'{k}={v}' for k, v in data['layout'].items() if v)}"
    for name, file in data["files"].items():
        yield f"{name}: {len(file['tensors'])} tensors, {in_bytes(file['bytes'])}"
        for row in file["tensors"]:
            yield f"  {row['name']:<60} {row['dtype']:<9} {row['shape']}"
    disk, free, memory = (in_bytes(data[f"{n}bytes"]) for n in ("needed_", "free_disk_", "memory_"))
    yield f"needed {disk} of disk, {free} free, and about {memory} of memory; nothing was written"
    if data["needed_bytes"] > data["free_disk_bytes"]:
        yield f"warning: the disk of {job.options.save_dir} is too small for this"


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
    }


def report_line(report: ConvertReport, options: ConvertOptions) -> str:
    """What was written, in a line."""
    return (
        f"{options.save_dir}: {report.tensors} tensors in {report.files} files, "
        f"{in_bytes(report.bytes_written)}"
        + (f"; verified {report.verified.tensors} tensors" if report.verified else "")
    )
