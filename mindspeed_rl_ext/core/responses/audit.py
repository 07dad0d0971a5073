"""What a run was really taught: scored batches written to `rollouts.jsonl` in the background.

With MSRL_EXT_AUDIT=DIR every scored batch of every host goes to `DIR/NODE/rollouts.jsonl`, one
file a node whatever number of processes score there. Rows are made and written by a thread, from a
queue of bounded length, while nobody scores in this process: a thread that works beside a scoring
one takes its time through the interpreter's lock. The file is rotated. Off by default.

Covers: a full queue, a full disk, a directory that can't be written, a mount that hangs, fork, the
end of the process: a run never waits and never fails; what was not written is counted and logged.
Does not cover: what a row holds; `rollouts.Rollout` does.
"""

from __future__ import annotations

import atexit
import fcntl
import json
import logging
import os
import queue
import socket
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

from mindspeed_rl_ext.core.responses.rollouts import Rollout

VARIABLE = "MSRL_EXT_AUDIT"
FILE = "rollouts.jsonl"
MAX_BATCHES = 16  # that wait to be written; a batch of 1,024 long responses is tens of MB
URGENT_BATCHES = MAX_BATCHES // 2  # so many are written although someone scores
SLICE_ROWS = 8  # made between two looks at whether someone scores: well under a millisecond
MAX_FILE_BYTES = 256 << 20
KEPT_FILES = 8  # of those that were rotated away
CLOSE_S = 2.0  # how long the end of the process waits
_LOG = logging.getLogger(__name__)

MakeRows = Callable[[], Iterable[Rollout]]
# How many calls score in this process now. Hosts score from several threads; writers wait on it.
_calm = threading.Condition()
_scoring = 0


@contextmanager
def scoring() -> Iterator[None]:
    """Writers wait while this is entered, so that they take no time of what is done inside.

    Example:
        >>> with scoring():
        ...     sum(range(10))
        45
    """
    global _scoring
    with _calm:
        _scoring += 1
    try:
        yield
    finally:
        with _calm:
            _scoring = max(0, _scoring - 1)  # a fork inside has begun at 0
            if not _scoring:
                _calm.notify_all()


class AuditWriter:
    """Writes batches of one process from a thread of its own.

    Args:
        folder: where the file is; it is made by the thread.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._queue: queue.Queue[MakeRows | None] = queue.Queue(MAX_BATCHES)
        self._given, self._written, self._warned = 0, 0, False
        self._fault, self._closing = "", False
        self._thread = threading.Thread(target=self._run, name="msrl-ext-audit", daemon=True)
        self._thread.start()

    def put(self, make_rows: MakeRows) -> None:
        """Takes a batch, or leaves it out where the queue is full or writing has failed."""
        with _calm:
            self._given += 1
        try:
            if self._fault:
                raise queue.Full
            self._queue.put_nowait(make_rows)
            if self._queue.qsize() == URGENT_BATCHES:
                with _calm:
                    _calm.notify_all()
        except queue.Full:
            if not self._warned:
                self._warned = True
                reason = self._fault or f"{MAX_BATCHES} batches wait already"
                _LOG.warning("%s: a batch is not written: %s", VARIABLE, reason)

    def close(self, wait_s: float = CLOSE_S) -> int:
        """Waits for what is queued, as long as that; returns how many batches were not written."""
        with _calm:
            self._closing = True
            _calm.notify_all()
        try:
            self._queue.put_nowait(None)
            self._thread.join(wait_s)
        except queue.Full:  # the thread hangs in a write
            pass
        lost = self._given - self._written
        if lost:
            _LOG.warning(
                "%s: %d of %d batches were not written to %s",
                VARIABLE, lost, self._given, self._folder,
            )  # fmt: skip
        return lost

    def _run(self) -> None:
        while True:
            make_rows = self._queue.get()
            if make_rows is None:
                return
            try:
                _append(self._folder, self._encode(iter(make_rows())))
                self._written += 1
            except Exception as error:  # noqa: BLE001  the run must go on whatever happens here
                self._fault = f"{type(error).__name__}: {error}"
                _LOG.warning("%s: writing to %s failed: %s", VARIABLE, self._folder, self._fault)
                return

    def _encode(self, rows: Iterator[Rollout]) -> bytes:
        """The lines of a batch, made in slices while nobody scores or too much waits."""
        parts: list[bytes] = []
        while True:
            with _calm:
                _calm.wait_for(self._may_work)
            part = _encoded(islice(rows, SLICE_ROWS))
            if not part:
                return b"".join(parts)
            parts.append(part)

    def _may_work(self) -> bool:
        return not _scoring or self._closing or self._queue.qsize() >= URGENT_BATCHES


def _encoded(rows: Iterable[Rollout]) -> bytes:
    lines = [json.dumps(row.to_row(), ensure_ascii=False, default=str) for row in rows]
    return "".join(line + "\n" for line in lines).encode("utf-8", "backslashreplace")


def _append(folder: Path, data: bytes) -> None:
    """Adds whole lines to the file under a lock, which all processes of the node take."""
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / ".lock", "a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        path = folder / FILE
        size = path.stat().st_size if path.exists() else 0
        if size and size + len(data) > MAX_FILE_BYTES:
            _rotate(folder)
            size = 0
        try:
            with open(path, "ab") as file:
                file.write(data)
        except OSError:
            os.truncate(path, size)  # no half line, for instance where the disk is full
            raise


def _rotate(folder: Path) -> None:
    """Moves the file to the next number and removes the oldest ones."""
    old = {int(path.name.split(".")[1]): path for path in folder.glob("rollouts.*.jsonl")}
    number = max(old, default=0) + 1
    os.replace(folder / FILE, folder / f"rollouts.{number:06d}.jsonl")
    for gone in sorted(old)[: len(old) + 1 - KEPT_FILES]:
        old[gone].unlink(missing_ok=True)


# One writer a process and folder. Hosts score from several threads; a forked child has no thread.
_lock = threading.Lock()
_writers: dict[str, AuditWriter] = {}


def audit(make_rows: MakeRows) -> None:
    """Writes a scored batch in the background, where MSRL_EXT_AUDIT names a directory.

    Args:
        make_rows: gives the rows; called by the thread that writes, so that scoring does not wait.
            What it reads must not change afterwards.
    """
    root = os.environ.get(VARIABLE)
    if not root:
        return
    with _lock:
        writer = _writers.get(root)
        if writer is None:
            writer = _writers[root] = AuditWriter(Path(root, socket.gethostname() or "node"))
            atexit.register(writer.close)
    writer.put(make_rows)


def auditing() -> bool:
    """Whether scored batches are written."""
    return bool(os.environ.get(VARIABLE))


def _forget_writers() -> None:
    global _lock, _calm, _scoring
    for writer in _writers.values():
        atexit.unregister(writer.close)
    _writers.clear()
    # The parent's locks may have been held at the fork, and its threads do not score here.
    _lock, _calm, _scoring = threading.Lock(), threading.Condition(), 0


os.register_at_fork(after_in_child=_forget_writers)
