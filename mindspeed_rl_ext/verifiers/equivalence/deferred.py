"""Pairs that only the symbolic stage can decide, gathered over a batch.

Covers: a batch context in which `equivalent` asks for a pair once and ends the verifier that
asked; when the pool has settled all pairs together, the verifier is called again and finds the
verdict. So workers run side by side, a pair is compared once, and the batch has one budget.
Does not cover: comparing; `symbolic` does.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import NamedTuple

from mindspeed_rl_ext.verifiers.verdict import Verdict


class Pair(NamedTuple):
    """A prediction and the reference it is compared with."""

    prediction: str
    reference: str


class PendingError(BaseException):
    """Ends a verifier until its pair is settled. No Exception: a verifier must not catch it."""


class Batch:
    """The pairs that a batch asks for, and the verdicts it has."""

    def __init__(self) -> None:
        self.wanted: dict[Pair, None] = {}
        self.known: dict[Pair, Verdict] = {}

    def verdict(self, pair: Pair) -> Verdict:
        """The verdict of a pair; raises PendingError where it is not settled yet."""
        if pair not in self.known:
            self.wanted[pair] = None
            raise PendingError
        return self.known[pair]


_CURRENT: ContextVar[Batch | None] = ContextVar("mindspeed_rl_ext_batch", default=None)


def current() -> Batch | None:
    """The batch that this thread or task is scoring, or None."""
    return _CURRENT.get()


@contextmanager
def gathering(batch: Batch) -> Iterator[None]:
    """Makes `equivalent` ask this batch."""
    token = _CURRENT.set(batch)
    try:
        yield
    finally:
        _CURRENT.reset(token)
