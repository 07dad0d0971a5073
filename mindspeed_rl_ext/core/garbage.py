"""Python's search for cyclic garbage, made rarer while much is built that stays.

Covers: a block of work, in the thread that owns the process; the setting from before is restored.
Does not cover: objects without cycles, which Python frees at once in any case.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

_NEW_OBJECTS = 100_000


@contextmanager
def few_collections() -> Iterator[None]:
    """Looks for cycles after each 100,000 new objects instead of 700.

    A plan is a million objects that live to the end, and each search goes through them again.

    Example:
        >>> with few_collections():
        ...     gc.get_threshold()[0]
        100000
    """
    before = gc.get_threshold()
    gc.set_threshold(_NEW_OBJECTS, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)
