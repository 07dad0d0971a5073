"""Single rows that arrive one by one are scored together, in a thread, within a time limit.

Covers: verl's reward loop, which awaits one row at a time of many that run side by side: rows that
arrive within a few milliseconds become one batch. No exception and no hang reaches who awaits.
Does not cover: what a row is scored with; the function that is given does.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar
from weakref import WeakKeyDictionary

WAIT_S = 0.004  # for further rows; a reward model's reply takes far longer
MAX_ROWS = 1024

In = TypeVar("In")
Out = TypeVar("Out")
_LOG = logging.getLogger(__name__)


@dataclass
class _Waiting(Generic[In, Out]):
    """The rows of one event loop that are not being scored yet."""

    rows: list[tuple[In, asyncio.Future[Out]]] = field(default_factory=list)
    timer: asyncio.TimerHandle | None = None


class RowQueue(Generic[In, Out]):
    """Scores rows together.

    Args:
        score: gives a result for each row of a list; runs in a thread of its own.
        failed: the result of a row that was not scored, and why.
        timeout_s: seconds that a batch may take; its rows fail after that, and its thread is left
            to itself.
    """

    def __init__(
        self,
        score: Callable[[Sequence[In]], Sequence[Out]],
        failed: Callable[[In, str, bool], Out],
        timeout_s: float,
    ) -> None:
        self._score, self._failed, self._timeout_s = score, failed, timeout_s
        # By event loop: each is used by its own thread only, and one that has ended is forgotten.
        self._waiting: WeakKeyDictionary[asyncio.AbstractEventLoop, _Waiting[In, Out]] = (
            WeakKeyDictionary()
        )

    async def submit(self, row: In) -> Out:
        """The result of a row; of `failed` where it can't be scored. Never raises for a row."""
        loop = asyncio.get_running_loop()
        waiting = self._waiting.setdefault(loop, _Waiting())
        future: asyncio.Future[Out] = loop.create_future()
        waiting.rows.append((row, future))
        if len(waiting.rows) >= MAX_ROWS:
            self._start(loop, waiting)
        elif waiting.timer is None:
            waiting.timer = loop.call_later(WAIT_S, self._start, loop, waiting)
        return await future

    def _start(self, loop: asyncio.AbstractEventLoop, waiting: _Waiting[In, Out]) -> None:
        if waiting.timer is not None:
            waiting.timer.cancel()
            waiting.timer = None
        batch, waiting.rows = waiting.rows, []
        limit = loop.call_later(self._timeout_s, self._give_up, batch)
        # A daemon: one that hangs must not keep the process from ending.
        threading.Thread(
            target=self._work, args=(loop, batch, limit), name="msrl-ext-rows", daemon=True
        ).start()

    def _work(
        self,
        loop: asyncio.AbstractEventLoop,
        batch: list[tuple[In, asyncio.Future[Out]]],
        limit: asyncio.TimerHandle,
    ) -> None:
        results = self._results([row for row, _ in batch])
        try:
            loop.call_soon_threadsafe(self._finish, batch, results, limit)
        except RuntimeError:  # the loop has ended; nobody waits any more
            _LOG.debug("the event loop ended before %d rows were scored", len(batch))

    def _results(self, rows: list[In]) -> list[Out]:
        try:
            results = list(self._score(rows))
            if len(results) != len(rows):
                raise ValueError(f"{len(results)} results of {len(rows)} rows")
            return results
        # SystemExit too, which a verifier may raise: the trainer would lose the rows silently.
        except BaseException as error:  # noqa: BLE001
            if len(rows) == 1:
                _LOG.error("a row could not be scored: %r", error)
                return [self._failed(rows[0], f"{type(error).__name__}: {error}", False)]
        # One row spoils a batch: each is scored alone.
        return [result for row in rows for result in self._results([row])]

    def _finish(
        self,
        batch: list[tuple[In, asyncio.Future[Out]]],
        results: list[Out],
        limit: asyncio.TimerHandle,
    ) -> None:
        limit.cancel()
        for (_, future), result in zip(batch, results, strict=True):
            if not future.done():
                future.set_result(result)

    def _give_up(self, batch: list[tuple[In, asyncio.Future[Out]]]) -> None:
        left = [(row, future) for row, future in batch if not future.done()]
        if left:
            _LOG.error("%d rows were not scored within %g s", len(left), self._timeout_s)
        for row, future in left:
            reason = f"not scored within {self._timeout_s:g} s"
            future.set_result(self._failed(row, reason, True))
