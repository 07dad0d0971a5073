"""Notes on the reading of a run.

Covers: files, broken lines, restarts, order.
Does not cover: what the numbers mean.
"""

from __future__ import annotations

from mindspeed_rl_ext.report.load import Run
from mindspeed_rl_ext.report.page.words import Words


def notes_of(run: Run, words: Words) -> list[str]:
    """Notes on the reading: files, broken lines, restarts."""
    notes = [
        words("read_as", file=log.path.name, kind=log.kind, rows=len(log.rows)) for log in run.logs
    ]
    if not run.logs:
        notes.append(words("from_rollouts"))
    for log in run.logs:
        if log.broken.count:
            notes.append(
                words(
                    "lines_broken",
                    file=log.path.name,
                    count=log.broken.count,
                    examples=str(log.broken),
                )
            )
        if log.numbered:
            notes.append(words("numbered", file=log.path.name))
    scan = run.rollouts
    if scan is not None:
        notes.append(words("read_as", file=scan.path.name, kind="rollouts", rows=scan.number))
        if scan.broken.count:
            notes.append(
                words(
                    "lines_broken",
                    file=scan.path.name,
                    count=scan.broken.count,
                    examples=str(scan.broken),
                )
            )
        if scan.padding:
            notes.append(words("padding", count=scan.padding))
    if run.table.repeated:
        notes.append(words("repeated", count=run.table.repeated))
    if run.table.stale_from is not None:
        notes.append(words("stale", first=run.table.stale_from, last=run.table.steps[-1]))
    if run.table.unordered:
        notes.append(words("unordered"))
    if run.left_out:
        notes.append(words("also_there", files=", ".join(p.name for p in run.left_out[:6])))
    return notes
