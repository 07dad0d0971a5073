"""Writing planned files, several threads side by side, also within one file.

Covers: tensors copied once, their sums and the source's CRCs computed from the same read; a file
is reported as done when it is on disk.
Does not cover: formats, staging.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from mindspeed_rl_ext.checkpoint.copying.assemble import windows
from mindspeed_rl_ext.checkpoint.copying.byte_check import ByteCheck
from mindspeed_rl_ext.checkpoint.copying.file_plan import FilePlan
from mindspeed_rl_ext.checkpoint.copying.out_file import OutFile, RangeWriter
from mindspeed_rl_ext.checkpoint.copying.streaming import RunningSums, Sums
from mindspeed_rl_ext.checkpoint.copying.threads import Unit, Worker
from mindspeed_rl_ext.checkpoint.mapping.plan import TensorPlan
from mindspeed_rl_ext.checkpoint.tensors import Ref, TensorSource


@dataclass(frozen=True)
class Copying:
    """What all threads share.

    Args:
        source: where the pieces lie.
        check: the check of the source's bytes.
        advance: called with the bytes copied, from any thread.
        done: called with a file's name and sums, by one thread at a time.
        sha256: compute SHA-256 as well.
    """

    source: TensorSource
    check: ByteCheck
    advance: Callable[[int], None]
    done: Callable[[str, list[Sums]], None]
    sha256: bool = False
    _asked: set[Ref] = field(default_factory=set)

    def prefetch(self, plan: TensorPlan) -> None:
        """Lets the disk read what a tensor is made of, once."""
        for ref in {piece.ref for piece in plan.pieces}:
            if ref not in self._asked:
                self._asked.add(ref)
                self.source.prefetch(ref)

    def copy(self, plan: TensorPlan, out: RangeWriter, worker: Worker) -> Sums:
        """Copies one tensor."""
        sums = RunningSums(plan.dtype, self.sha256)
        changed = False
        for window in windows(plan, self.source, worker.scratch):
            worker.check()
            crc = sums.add(window.data)
            if window.ref is not None:
                self.check.saw(window.ref, window.start, len(window.data), crc)
            changed = changed or window.ref is None
            out.add(window.data)
            self.advance(len(window.data))
        for ref in {piece.ref for piece in plan.pieces}:
            if changed:
                self.check.read(ref)
            self.source.release(ref)
        return sums.result()


class Writing:
    """Files being written; closes what is open in the end, finished or not.

    Args:
        folder: where.
        files: name below the folder -> what lays the file out.
        copying: what all threads share.
    """

    def __init__(
        self, folder: Path, files: Mapping[str, Callable[[], FilePlan]], copying: Copying
    ) -> None:
        self._folder, self._files, self._copying = folder, files, copying
        self._done, self._begun = threading.Lock(), set[_File]()

    def units(self) -> Iterator[Unit]:
        """What to do so that the files are written; a file is laid out when its turn comes."""
        for name, lay_out in self._files.items():
            file = _File(self._folder / name, name, lay_out(), self._copying, self._done)
            self._begun = {begun for begun in self._begun if not begun.finished} | {file}
            for run in file.plan.runs():
                yield file.unit(run)

    def __enter__(self) -> Writing:
        return self

    def __exit__(self, *error: object) -> None:
        for file in self._begun:
            file.close()


class _File:
    """One file, and how much of it is missing."""

    def __init__(
        self, path: Path, name: str, plan: FilePlan, copying: Copying, done: threading.Lock
    ) -> None:
        self.plan, self._path, self._name, self._copying = plan, path, name, copying
        self._lock, self._done = threading.Lock(), done
        self._out: OutFile | None = None
        self._left = len(plan.runs())
        self._sums: dict[int, Sums] = {}

    @property
    def finished(self) -> bool:
        """All of its units are done."""
        return self._left == 0 and self._out is None

    def unit(self, run: range) -> Unit:
        """Writes some of its tensors; who writes the last ones finishes the file."""

        def write(worker: Worker) -> None:
            self._write(run, self._opened(), worker)
            with self._lock:
                self._left -= 1
                last = self._left == 0
            if last:
                self._finish()

        return write

    def close(self) -> None:
        """Closes it; no thread may be writing."""
        if self._out is not None:
            self._out.close()
            self._out = None

    def _opened(self) -> OutFile:
        with self._lock:
            if self._out is None:
                self._out = OutFile(self._path, self.plan.tail_at)
            return self._out

    def _write(self, run: range, file: OutFile, worker: Worker) -> None:
        if not run:
            return
        out = RangeWriter(file, self.plan.items[run[0]].at, worker.buffers)
        self._copying.prefetch(self.plan.items[run[0]].plan)
        for number in run:
            item = self.plan.items[number]
            if number + 1 in run:
                self._copying.prefetch(self.plan.items[number + 1].plan)
            out.add(item.before)
            sums = self._copying.copy(item.plan, out, worker)
            out.add(item.behind(sums))
            self._sums[number] = sums
        out.finish()

    def _finish(self) -> None:
        file = self._opened()
        sums = [self._sums[number] for number in range(len(self.plan.items))]
        file.keep_edge(self.plan.head, 0)
        file.keep_edge(self.plan.tail(sums), self.plan.tail_at)
        file.finish()
        self.close()
        with self._done:
            self._copying.done(self._name, sums)
