"""The helper process: single-threaded, preloaded, it forks workers and ends those that hang.

Covers: connections from the caller (one per call, handed over through the control socket), their
tasks in turn, one task per worker at a time, budgets, kills, clean ends. It exits when the control
socket closes or its parent is gone, and takes its workers along.
Does not cover: what tasks do (`worker`), how it is started (`client`).
"""

from __future__ import annotations

import os
import selectors
import signal
import socket
import time
from collections import deque
from dataclasses import dataclass, field
from typing import Any

from mindspeed_rl_ext.verifiers.pool import symbolic
from mindspeed_rl_ext.verifiers.pool import worker as worker_process
from mindspeed_rl_ext.verifiers.pool.frames import Unpacker, pack
from mindspeed_rl_ext.verifiers.pool.tasks import ERROR, TIMEOUT

_PIECE = 1 << 16
_PARENT_CHECK_S = 1.0
# A worker that served this many tasks is replaced: caches of sympy grow without bound.
_TASKS_PER_WORKER = 500
_ENDED_BY_BUDGET = (signal.SIGPROF, signal.SIGXCPU)


@dataclass(eq=False)
class _Call:
    """One call of the caller: its connection, waiting tasks and what is left of its CPU."""

    connection: socket.socket
    unpacker: Unpacker = field(default_factory=Unpacker)
    waiting: deque[dict[str, Any]] = field(default_factory=deque)
    cpu_left: float = 0.0
    outgoing: bytearray = field(default_factory=bytearray)


@dataclass(eq=False)
class _Worker:
    """One forked process, the task it is on, and when that has to end."""

    pid: int
    connection: socket.socket
    unpacker: Unpacker = field(default_factory=Unpacker)
    call: _Call | None = None
    task: dict[str, Any] | None = None
    cpu_before: float = 0.0
    started: float = 0.0
    queued_before: float = 0.0
    deadline: float = 0.0
    overdue: bool = False
    served: int = 0


class Helper:
    """The loop.

    Args:
        control: where connections of calls come in.
        max_workers: how many workers may run at once.
    """

    def __init__(self, control: socket.socket, max_workers: int) -> None:
        self._control, self._max_workers = control, max_workers
        self._parent = os.getppid()
        self._selector = selectors.DefaultSelector()
        self._selector.register(control, selectors.EVENT_READ, None)
        self._calls: deque[_Call] = deque()
        self._workers: list[_Worker] = []
        self._open = True

    def serve(self) -> None:
        """Works until the caller is gone."""
        try:
            while self._open and os.getppid() == self._parent:
                for key, events in self._selector.select(self._wait_s()):
                    self._handle(key.data, events)
                self._end_overdue()
                self._assign()
        finally:
            for worker in list(self._workers):
                self._kill(worker)

    def _wait_s(self) -> float:
        ends = [w.deadline for w in self._workers if w.task is not None]
        return max(0.0, min([_PARENT_CHECK_S, *(end - time.monotonic() for end in ends)]))

    def _handle(self, source: _Call | _Worker | None, events: int) -> None:
        if source is None:
            self._accept()
        elif isinstance(source, _Worker):
            self._read_worker(source)
        elif source in self._calls:
            if events & selectors.EVENT_WRITE:
                self._flush(source)
            if events & selectors.EVENT_READ:
                self._read_call(source)

    def _accept(self) -> None:
        message, descriptors, _, _ = socket.recv_fds(self._control, 1, 1)
        if not message:
            self._open = False
            return
        for descriptor in descriptors:
            connection = socket.socket(fileno=int(descriptor))
            connection.setblocking(False)
            call = _Call(connection)
            self._calls.append(call)
            self._selector.register(connection, selectors.EVENT_READ, call)

    def _read_call(self, call: _Call) -> None:
        piece = _received(call.connection)
        if not piece:
            self._forget(call)
            return
        for message in call.unpacker.feed(piece):
            if "batch_cpu_s" in message:
                call.cpu_left = message["batch_cpu_s"]
            else:
                call.waiting.append(message)

    def _forget(self, call: _Call) -> None:
        """The caller is done, or gone: what runs for it is of no use."""
        self._selector.unregister(call.connection)
        call.connection.close()
        self._calls.remove(call)
        for worker in [w for w in self._workers if w.call is call]:
            self._kill(worker)

    def _assign(self) -> None:
        """Gives tasks to idle workers, one per call in turn."""
        for _ in range(len(self._calls)):
            call = self._calls[0]
            self._calls.rotate(-1)
            while call.waiting and call.cpu_left <= 0:
                task = call.waiting.popleft()
                self._reply(call, task, (TIMEOUT, None, "the batch's CPU budget is spent"))
        turns = deque(call for call in self._calls if call.waiting)
        while turns:
            worker = self._idle()
            if worker is None:
                return
            call = turns.popleft()
            self._start(worker, call, call.waiting.popleft())
            if call.waiting:
                turns.append(call)

    def _idle(self) -> _Worker | None:
        for worker in self._workers:
            if worker.task is None:
                return worker
        return self._forked() if len(self._workers) < self._max_workers else None

    def _forked(self) -> _Worker:
        ours, theirs = socket.socketpair()
        pid = os.fork()
        if pid == 0:
            self._close_all()
            ours.close()
            worker_process.serve_tasks(theirs)
        theirs.close()
        worker = _Worker(pid, ours)
        self._workers.append(worker)
        self._selector.register(ours, selectors.EVENT_READ, worker)
        return worker

    def _close_all(self) -> None:
        """In a new worker: no other connection may stay open because of it."""
        for key in list(self._selector.get_map().values()):
            key.fileobj.close()  # type: ignore[union-attr]
        self._selector.close()

    def _start(self, worker: _Worker, call: _Call, task: dict[str, Any]) -> None:
        worker.call, worker.task, worker.overdue = call, task, False
        worker.cpu_before = _cpu_s(worker.pid)
        worker.queued_before = _queued_s(worker.pid)
        worker.started = time.monotonic()
        worker.deadline = worker.started + task["wall_s"]
        try:
            worker.connection.sendall(pack(task))
        except OSError:
            self._lost(worker)

    def _read_worker(self, worker: _Worker) -> None:
        if worker not in self._workers:
            return
        piece = _received(worker.connection)
        if not piece:
            self._lost(worker)
            return
        for reply in worker.unpacker.feed(piece):
            self._finish(worker, reply, _cpu_s(worker.pid))
        worker.served += 1
        if worker.served >= _TASKS_PER_WORKER and worker.task is None:
            self._kill(worker)

    def _finish(self, worker: _Worker, reply: Any, cpu_s: float) -> None:
        call, task = worker.call, worker.task
        worker.call = worker.task = None
        if call is None or task is None:
            return
        call.cpu_left -= max(0.0, cpu_s - worker.cpu_before)
        self._reply(call, task, reply)

    def _lost(self, worker: _Worker) -> None:
        """A worker that ended by itself: by a budget's signal, or by a crash."""
        overdue = worker.overdue
        status, cpu_s = self._kill(worker)
        number = os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0
        if overdue or number in _ENDED_BY_BUDGET:
            reply = (TIMEOUT, None, "more time than an item has")
        else:
            reply = (ERROR, None, f"the worker died (status {status})")
        self._finish(worker, reply, cpu_s)

    def _end_overdue(self) -> None:
        """Ends workers that sleep, or have no timer any more; one that waits for a core stays."""
        now = time.monotonic()
        for worker in [w for w in self._workers if w.task is not None and now >= w.deadline]:
            assert worker.task is not None
            queued_s = max(0.0, _queued_s(worker.pid) - worker.queued_before)
            worker.deadline = worker.started + worker.task["wall_s"] + queued_s
            if now >= worker.deadline:
                worker.overdue = True
                self._lost(worker)

    def _kill(self, worker: _Worker) -> tuple[int, float]:
        """Ends a worker and takes its exit status: no zombie stays."""
        self._workers.remove(worker)
        self._selector.unregister(worker.connection)
        worker.connection.close()
        if not worker.overdue and worker.task is not None:
            # It may be ending by its own timer, which its status shows. Do not hide that.
            pid, status, usage = os.wait4(worker.pid, os.WNOHANG)
            if pid:
                return status, usage.ru_utime + usage.ru_stime
        os.kill(worker.pid, signal.SIGKILL)
        _, status, usage = os.wait4(worker.pid, 0)
        return status, usage.ru_utime + usage.ru_stime

    def _reply(self, call: _Call, task: dict[str, Any], reply: Any) -> None:
        call.outgoing += pack([task["id"], *reply])
        self._flush(call)

    def _flush(self, call: _Call) -> None:
        if call not in self._calls:
            return
        try:
            sent = call.connection.send(call.outgoing)
        except BlockingIOError:
            sent = 0
        except OSError:
            return  # the reading side will see the end
        del call.outgoing[:sent]
        events = selectors.EVENT_READ | (selectors.EVENT_WRITE if call.outgoing else 0)
        self._selector.modify(call.connection, events, call)


def _received(connection: socket.socket) -> bytes:
    try:
        return connection.recv(_PIECE)
    except OSError:
        return b""


def _cpu_s(pid: int) -> float:
    """CPU seconds a process has used; 0 where this system has no such file."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
            fields = file.read().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _queued_s(pid: int) -> float:
    """Seconds a process has waited for a core; 0 where this system has no such file."""
    try:
        with open(f"/proc/{pid}/schedstat", encoding="ascii") as file:
            return int(file.read().split()[1]) / 1e9
    except (OSError, IndexError, ValueError):
        return 0.0


def main(descriptor: str, max_workers: str) -> None:
    """Runs in the helper process.

    Args:
        descriptor: the control socket, inherited.
        max_workers: how many workers may run at once.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C goes to the caller, which then closes
    control = socket.socket(fileno=int(descriptor))
    symbolic.preload()
    control.sendall(b"!")
    Helper(control, int(max_workers)).serve()
