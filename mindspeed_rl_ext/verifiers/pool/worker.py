"""The life of a worker: forked from the helper, one task after the other, ended by its budgets.

Covers: the limits of CPU and memory, which the kernel enforces even inside a C call; the kinds of
tasks. Does not cover: starting, killing and the limit of wall time; `helper` does.
"""

from __future__ import annotations

import os
import resource
import signal
import socket
from collections.abc import Callable, Mapping
from typing import Any, NoReturn

from mindspeed_rl_ext.verifiers.pool import calls, grading, symbolic
from mindspeed_rl_ext.verifiers.pool.frames import Unpacker, pack
from mindspeed_rl_ext.verifiers.pool.tasks import ERROR, OK, TIMEOUT

MAX_MEMORY = 3 << 30
_PIECE = 1 << 16

KINDS: Mapping[str, Callable[..., Any]] = {
    "equivalent": symbolic.equivalent,
    "call": calls.call,
    "grade": grading.grade,
    "probe": symbolic.probe,
}


def serve_tasks(connection: socket.socket) -> NoReturn:
    """Takes tasks until the helper closes the connection; never returns into the helper's loop."""
    status = 1
    try:
        _limit()
        _work(connection)
        status = 0
    finally:
        # No exit handlers: they belong to the helper that this process was forked from.
        os._exit(status)


def _limit() -> None:
    for number in (signal.SIGPROF, signal.SIGALRM, signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _limit_memory(kind: str) -> None:
    """Bounds address space for sympy; a user's verifier may need a library that maps far more."""
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    most = hard
    if kind != "call":
        most = MAX_MEMORY if hard == resource.RLIM_INFINITY else min(MAX_MEMORY, hard)
    resource.setrlimit(resource.RLIMIT_AS, (most, hard))


def _work(connection: socket.socket) -> None:
    unpacker = Unpacker()
    while piece := connection.recv(_PIECE):
        for task in unpacker.feed(piece):
            connection.sendall(pack(_reply(task)))


def _reply(task: Mapping[str, Any]) -> tuple[str, Any, str]:
    """Does a task under a timer of CPU time whose signal ends this process."""
    _limit_memory(task["kind"])
    signal.setitimer(signal.ITIMER_PROF, task["cpu_s"])
    try:
        reply = (OK, KINDS[task["kind"]](**task["payload"]), "")
    except MemoryError:
        reply = (TIMEOUT, None, "out of memory")
    except Exception as error:  # noqa: BLE001 - a parser or a user's function may raise anything
        reply = (ERROR, None, f"{type(error).__name__}: {error}"[:300])
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
    return reply
