"""The caller's side of the pool: one helper per process, started when first needed.

Covers: any thread, several at once; forked children (they get a helper of their own), daemonic
and spawned processes, an unguarded `__main__`: the helper is started with subprocess and never
runs the caller's main module. A helper that dies is started again.
Does not cover: what the helper does.
"""

from __future__ import annotations

import atexit
import os
import selectors
import socket
import subprocess
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress

from mindspeed_rl_ext.core.errors import MachineError
from mindspeed_rl_ext.core.python_process import start_python
from mindspeed_rl_ext.verifiers.pool.frames import Unpacker, pack
from mindspeed_rl_ext.verifiers.pool.tasks import ERROR, TIMEOUT, Budget, Reply, Task

MAX_WORKERS = 8
_START_S = 120.0
_NO_REPLY_S = 120.0
_TRIES = 2
_SERVE = "mindspeed_rl_ext.verifiers.pool.helper:main"


class _LostError(Exception):
    """The helper is gone."""


class _Helper:
    """A running helper process and the control socket to it."""

    def __init__(self) -> None:
        self._control, theirs = socket.socketpair()
        try:
            self._process = start_python(
                *(_SERVE, str(theirs.fileno()), str(_max_workers())),
                purpose="the helper process of the verifiers",
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
        except MachineError:
            self._control.close()
            raise
        finally:
            theirs.close()
        self._lock = threading.Lock()
        self._is_ready = False

    def wait(self) -> None:
        """Until it has imported what its workers need; raises MachineError where it ended."""
        if self._is_ready:
            return
        ready, _ = _ready(self._control, writing=False, seconds=_START_S)
        if not ready or self._control.recv(1) != b"!":
            self.close()
            raise MachineError(
                "the helper process of the verifiers does not answer",
                found=f"exit status {self._process.returncode}",
                expected="a ready sign",
                remedy=f"run: {sys.executable} -c 'import mindspeed_rl_ext.verifiers.pool.helper'",
            )
        self._is_ready = True

    def connect(self) -> socket.socket:
        """A connection for one call."""
        ours, theirs = socket.socketpair()
        try:
            with self._lock:
                socket.send_fds(self._control, [b"c"], [theirs.fileno()])
        except OSError as error:
            ours.close()
            raise _LostError from error
        finally:
            theirs.close()
        return ours

    def close(self) -> None:
        """Ends the helper, which ends its workers, and takes its exit status."""
        self._control.close()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def abandon(self) -> None:
        """In a forked child: the helper is the parent's, which must not wait for our copies."""
        self._control.close()
        self._process.returncode = 0


class _Holder:
    """The one helper of this process; a class and not a global so that fork can replace it."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.helper: _Helper | None = None
        self.pid = os.getpid()
        self._failure: MachineError | None = None

    def get(self, *, ready: bool = True) -> _Helper:
        with self.lock:
            if self._failure is not None:  # a batch must not wait for it once per item
                raise self._failure
            try:
                self.helper = self.helper or _Helper()
                if ready:
                    self.helper.wait()
            except MachineError as error:
                self._failure, self.helper = error, None
                raise
            return self.helper

    def drop(self, helper: _Helper) -> None:
        with self.lock:
            if self.helper is helper:
                self.helper = None
                helper.close()

    def close(self) -> None:
        if self.helper is not None and self.pid == os.getpid():
            self.drop(self.helper)


# One helper per process: starting one costs a second. Guarded by its own lock; a forked child
# replaces the whole holder, since the lock may be held by a thread that the child does not have.
_HOLDERS = [_Holder()]


def _after_fork() -> None:
    holder, _HOLDERS[0] = _HOLDERS[0], _Holder()
    if holder.helper is not None:
        holder.helper.abandon()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


@atexit.register
def _at_exit() -> None:
    _HOLDERS[0].close()


def start() -> None:
    """Starts the helper without waiting for it; `run` reports where it cannot be started."""
    if _HOLDERS[0].pid != os.getpid():
        _after_fork()
    with suppress(MachineError):
        _HOLDERS[0].get(ready=False)


def run(tasks: Sequence[Task], budget: Budget) -> list[Reply]:
    """Does tasks in workers, within budgets, and waits for all of them.

    Args:
        tasks: in the order in which they are begun.
        budget: CPU seconds per item and for all; items that a round ends are tried in the next.

    Returns:
        A reply for each task, in order.

    Raises:
        MachineError: the helper cannot be started.
    """
    if _HOLDERS[0].pid != os.getpid():  # a fork that did not pass through Python
        _after_fork()
    replies: list[Reply | None] = [None] * len(tasks)
    for attempt in range(_TRIES):
        helper = _HOLDERS[0].get()
        try:
            _exchange(helper, tasks, budget, replies)
            break
        except _LostError:
            _HOLDERS[0].drop(helper)
            if attempt == _TRIES - 1:
                break
    lost = Reply(ERROR, None, "the helper process died")
    return [reply or lost for reply in replies]


def _exchange(
    helper: _Helper, tasks: Sequence[Task], budget: Budget, replies: list[Reply | None]
) -> None:
    """Sends rounds of tasks over one connection and files the replies."""
    with helper.connect() as connection:
        _send(connection, pack({"batch_cpu_s": budget.batch_cpu_s}))
        rest = [index for index, reply in enumerate(replies) if reply is None]
        for cpu_s in budget.cpu_s:
            limits = {"cpu_s": cpu_s, "wall_s": max(budget.wall_s, cpu_s)}
            _round(connection, [(i, tasks[i]) for i in rest], limits, replies)
            rest = [i for i in rest if _timed_out(replies[i])]


def _round(
    connection: socket.socket,
    tasks: Sequence[tuple[int, Task]],
    limits: dict[str, float],
    replies: list[Reply | None],
) -> None:
    unpacker = Unpacker()
    outgoing = bytearray().join(
        pack({"id": index, "kind": task.kind, "payload": task.payload, **limits})
        for index, task in tasks
    )
    missing = {index for index, _ in tasks}
    connection.setblocking(False)
    while missing:
        readable, writable = _ready(connection, writing=bool(outgoing), seconds=_NO_REPLY_S)
        if not readable and not writable:
            raise _LostError
        if writable:
            _send_some(connection, outgoing)
        for index, status, value, reason in unpacker.feed(_receive(connection)) if readable else ():
            replies[index] = Reply(status, value, reason)
            missing.discard(index)


def _receive(connection: socket.socket) -> bytes:
    try:
        piece = connection.recv(1 << 16)
    except OSError as error:
        raise _LostError from error
    if not piece:
        raise _LostError
    return piece


def _send(connection: socket.socket, message: bytes) -> None:
    try:
        connection.sendall(message)
    except OSError as error:
        raise _LostError from error


def _timed_out(reply: Reply | None) -> bool:
    return reply is not None and reply.status == TIMEOUT


def _send_some(connection: socket.socket, outgoing: bytearray) -> None:
    try:
        del outgoing[: connection.send(outgoing)]
    except BlockingIOError:
        pass
    except OSError as error:
        raise _LostError from error


def _ready(connection: socket.socket, *, writing: bool, seconds: float) -> tuple[bool, bool]:
    """Waits until a socket can be read or written; not select(), whose descriptors end at 1024."""
    with selectors.DefaultSelector() as selector:
        wanted = selectors.EVENT_READ | (selectors.EVENT_WRITE if writing else 0)
        selector.register(connection, wanted)
        happened = 0
        for _, events in selector.select(seconds):
            happened |= events
    return bool(happened & selectors.EVENT_READ), bool(happened & selectors.EVENT_WRITE)


def _max_workers() -> int:
    try:
        cores = len(os.sched_getaffinity(0))
    except AttributeError:
        cores = os.cpu_count() or 1
    return max(1, min(MAX_WORKERS, cores))
