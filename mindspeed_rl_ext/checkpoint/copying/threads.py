"""Work on several threads, each with memory of its own.

Covers: units taken in order by whichever thread is free; the first error, or an interruption, ends
all of them.
Does not cover: what a unit does. The heavy parts (CRC, copies, writes) leave Python's lock.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait

import numpy as np

from mindspeed_rl_ext.checkpoint.copying.assemble import WINDOW_BYTES
from mindspeed_rl_ext.checkpoint.copying.out_file import BUFFER_BYTES, BUFFERS, Buffers

WORKER_BYTES = BUFFERS * BUFFER_BYTES + WINDOW_BYTES


class Worker:
    """What one thread has: buffers to write from, room for a window, and a question.

    Args:
        stop: set where the work is to end.
    """

    def __init__(self, stop: threading.Event) -> None:
        self._stop = stop
        self.buffers = Buffers()
        self.scratch = np.empty(WINDOW_BYTES, np.uint8)

    def check(self) -> None:
        """Ends the unit where another one failed."""
        if self._stop.is_set():
            raise _StoppedError


class _StoppedError(Exception):
    """Another unit failed; its error is the one to show."""


Unit = Callable[[Worker], None]


def run_units(units: Iterable[Unit], workers: int) -> None:
    """Runs all units; raises the first error, once all threads have ended.

    Args:
        units: what to do, in order; asked for one after another.
        workers: most threads.
    """
    stop, todo = threading.Event(), _Todo(units)
    running: list[Future[None]] = []
    with ThreadPoolExecutor(workers) as threads:
        try:
            for _ in range(workers):
                running.append(threads.submit(_run, todo, stop))
            wait(running, return_when=FIRST_EXCEPTION)
        finally:
            # After an error of a unit, or an interruption, the others need not go on.
            stop.set()
    errors = [error for future in running if (error := future.exception()) is not None]
    for error in sorted(errors, key=lambda error: isinstance(error, _StoppedError)):
        raise error


class _Todo:
    """Units, each handed out once."""

    def __init__(self, units: Iterable[Unit]) -> None:
        self._units, self._lock = iter(units), threading.Lock()

    def __iter__(self) -> Iterator[Unit]:
        while True:
            with self._lock:
                unit = next(self._units, None)
            if unit is None:
                return
            yield unit


def _run(todo: _Todo, stop: threading.Event) -> None:
    worker = Worker(stop)
    try:
        for unit in todo:
            worker.check()
            unit(worker)
    finally:
        worker.buffers.close()
