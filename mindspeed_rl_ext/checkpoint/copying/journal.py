"""What a run has finished, so that another can go on.

Covers: one line for each whole file, with the sums of its tensors, under the identity of the plan;
a last line that a kill cut short does not count.
Does not cover: parts of files: a file that was begun is written again.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mindspeed_rl_ext.checkpoint.copying.streaming import Sums
from mindspeed_rl_ext.core.errors import InputError

JOURNAL = ".journal.jsonl"


class Journal:
    """The journal of a staging directory.

    Args:
        folder: the staging directory.
        plan_id: the identity of the plan; see `job`.

    Raises:
        InputError: the directory was begun under another plan.
    """

    def __init__(self, folder: Path, plan_id: str) -> None:
        self._folder, self._path = folder, folder / JOURNAL
        self.done: dict[str, list[Sums]] = {}
        rows = _whole_lines(self._path)
        if rows and rows[0].get("plan") != plan_id:
            raise InputError(
                "the run that was stopped had another source or other options",
                found=f"plan {rows[0].get('plan')}",
                expected=plan_id,
                remedy="run it again without --resume to start afresh",
            )
        for row in rows[1:]:
            path = folder / row["file"]
            if path.is_file() and path.stat().st_size == row["bytes"]:
                self.done[row["file"]] = [Sums(*item) for item in row["sums"]]
        if not rows:
            self._append({"plan": plan_id})

    def add(self, file: str, sums: Sequence[Sums]) -> None:
        """Notes a file that is whole and on disk."""
        size = (self._folder / file).stat().st_size
        self._append({"file": file, "bytes": size, "sums": list(sums)})
        self.done[file] = list(sums)

    def _append(self, row: dict[str, Any]) -> None:
        torn = self._path.is_file() and not _ends_a_line(self._path)
        with self._path.open("ab") as file:
            file.write((b"\n" if torn else b"") + json.dumps(row).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())


def _ends_a_line(path: Path) -> bool:
    """Whether the last byte ends a line; a file of 2,048 long lines is not read for it."""
    with path.open("rb") as file:
        if file.seek(0, os.SEEK_END):
            file.seek(-1, os.SEEK_END)
        return file.read(1) == b"\n"


def _whole_lines(path: Path) -> list[dict[str, Any]]:
    if not path.is_file():
        return []
    rows = []
    for line in path.read_bytes().split(b"\n"):
        try:
            row = json.loads(line) if line else None
        except ValueError:
            continue
        if isinstance(row, dict):
            rows.append(row)
    return rows
