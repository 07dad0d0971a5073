"""SIGTERM taken as Ctrl-C is: what is half-written is removed before the process ends.

Covers: commands that ask for it, in the main thread.
Does not cover: SIGKILL; staging survives that.

Example:
    >>> with terminable():
    ...     pass
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from mindspeed_rl_ext.core.errors import EXIT_TERMINATED


class Terminated(KeyboardInterrupt):
    """The process was asked to end."""

    exit_code = EXIT_TERMINATED


@contextmanager
def terminable() -> Iterator[None]:
    """Raises Terminated in the block when SIGTERM comes; outside it is as before."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def end(number: int, frame: Any) -> None:
        raise Terminated

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
