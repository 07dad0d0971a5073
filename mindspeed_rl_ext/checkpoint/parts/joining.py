"""Parts of a checkpoint in one directory: what a part may be added to, and when all are there.

Covers: parts of one plan side by side, added by several processes or nodes at once or in turn; the
manifest of the whole, written by whichever part is the last.
Does not cover: moving into place; `convert` does, while it holds the lock.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mindspeed_rl_ext.checkpoint.destination import check_replaceable
from mindspeed_rl_ext.checkpoint.formats.protocol import CheckpointWriter
from mindspeed_rl_ext.checkpoint.identity import plan_id
from mindspeed_rl_ext.checkpoint.manifest import MANIFEST, recorded_plan
from mindspeed_rl_ext.checkpoint.parts.manifests import join, manifest_name, recorded_parts
from mindspeed_rl_ext.checkpoint.parts.ranks import RankPart
from mindspeed_rl_ext.checkpoint.wording import some
from mindspeed_rl_ext.core.errors import InputError
from mindspeed_rl_ext.core.files.locks import locked

if TYPE_CHECKING:
    from mindspeed_rl_ext.checkpoint.job import Job

LOCK_NAME = ".msrl-ext-lock"


@dataclass(frozen=True)
class PartDestination:
    """A directory, and the part of a checkpoint that goes there.

    Args:
        folder: the directory.
        plan: the identity of the whole's plan.
        part: the ranks.
        files: the names of the part's files.
        whole_files: the names of the files of all ranks, in order.
        writer: what writes the format.
        write_marker: writes what makes a directory a checkpoint of the format.
    """

    folder: Path
    plan: str
    part: RankPart
    files: Sequence[str]
    whole_files: Sequence[str]
    writer: CheckpointWriter
    write_marker: Callable[[Path], object]

    @property
    def manifest(self) -> str:
        """The name of the part's manifest."""
        return manifest_name(self.part)

    @property
    def names(self) -> list[str]:
        """What is moved into place, in order: the manifest says first what is to come."""
        return [self.manifest, *(str(Path(file).parent) for file in self.files)]

    def check(self, overwrite: bool) -> None:
        """Checks that the part may be put there.

        Raises:
            InputError: another checkpoint is there, or these ranks are.
        """
        existing = self.writer.existing(self.folder)
        if not existing or overwrite:
            return
        plans = self._plans()
        if plans != {self.plan}:
            raise InputError(
                f"{self.folder} holds a checkpoint already",
                found="parts of another source or other options" if plans else existing[0].name,
                expected="an empty directory, or parts of the same conversion",
                remedy="--overwrite replaces it",
            )
        held = [name for name in self.names[1:] if (self.folder / name).exists()]
        if held:
            raise InputError(
                f"{self.folder} holds these ranks already",
                found=some(Path(name).name for name in held),
                remedy="--resume finishes them or leaves them as they are, "
                "--overwrite converts them again",
            )

    def replaced(self) -> list[Path]:
        """What the part replaces: its own ranks, or another checkpoint that is there."""
        if self._plans() - {self.plan} or not self._plans():
            return self.writer.existing(self.folder)
        found = (self.folder / name for name in self.names)
        return [path for path in found if path.exists()]

    def is_there(self) -> bool:
        """Whether the part lies in the directory, whole, by itself or joined with others."""
        wanted = set(self.part.dirs)
        declared = recorded_plan(self.folder) == self.plan or any(
            part.plan == self.plan and wanted <= part.ranks for part in recorded_parts(self.folder)
        )
        return declared and all((self.folder / name).is_file() for name in self.files)

    def finish(self, staged: Path) -> None:
        """Writes the marker, and the whole's manifest where this part was the last one.

        Args:
            staged: where they are written, before they are moved into place.
        """
        marker = self.writer.marker
        if not (self.folder / marker).is_file():
            self.write_marker(staged)
            os.replace(staged / marker, self.folder / marker)
        parts = [part for part in recorded_parts(self.folder) if part.plan == self.plan]
        ranks = frozenset[str]().union(*(part.ranks for part in parts))
        if recorded_plan(self.folder) != self.plan:
            whole = len(ranks) == self.part.of and all(
                (self.folder / name).is_file() for name in self.whole_files
            )
            if not whole:
                return
            join(staged / MANIFEST, parts, self.whole_files)
            os.replace(staged / MANIFEST, self.folder / MANIFEST)
        for part in parts:
            part.path.unlink(missing_ok=True)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keeps other parts from being put there meanwhile."""
        with locked(self.folder / LOCK_NAME):
            yield

    def _plans(self) -> set[str]:
        """The plans of what is there."""
        found = {part.plan for part in recorded_parts(self.folder)}
        return found | {plan} if (plan := recorded_plan(self.folder)) else found


def part_destination(job: Job) -> PartDestination | None:
    """Where the part of a conversion goes; None where all ranks are written."""
    if job.part is None:
        return None
    return PartDestination(
        job.options.save_dir,
        plan_id(job),
        job.part,
        [file.name for file in job.files],
        job.whole_files,
        job.writer,
        lambda folder: job.writer.finish(folder, job.target, job.files),
    )


def check_destination(job: Job) -> None:
    """Raises InputError where the destination holds what must not be replaced."""
    destination = part_destination(job)
    if destination:
        destination.check(job.options.overwrite)
    else:
        check_replaceable(job.options, job.writer)


def was_finished(job: Job) -> bool:
    """Whether the destination is what this plan makes."""
    destination = part_destination(job)
    if destination:
        return destination.is_there()
    folder = job.options.save_dir
    return (folder / job.writer.marker).is_file() and recorded_plan(folder) == plan_id(job)
