"""The one registry: names to things, with the nearest names on a miss.

Covers: verifiers, model specs, templates, recipes, adapters. A duplicate name is an error.
Does not cover: discovery; who registers decides when.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Generic, TypeVar

from mindspeed_rl_ext.core.errors import InputError, nearest

T = TypeVar("T")


class Registry(Generic[T]):
    """Named things of one kind.

    Args:
        kind: what is registered, in the singular, for messages.

    Example:
        >>> colours = Registry[int]("colour")
        >>> colours.register("red", 1)
        >>> colours.get("red")
        1
    """

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self._things: dict[str, T] = {}
        # Verifiers are registered by user modules, which may be imported from several threads.
        self._lock = threading.Lock()

    def register(self, name: str, thing: T) -> None:
        """Adds a thing; raises InputError where the name is taken by another one."""
        with self._lock:
            if name in self._things and self._things[name] is not thing:
                raise InputError(
                    f"{self.kind} {name!r} is registered twice",
                    found=f"{self._things[name]!r} holds the name",
                    remedy="choose another name",
                )
            self._things[name] = thing

    def get(self, name: str) -> T:
        """Returns the thing of that name; raises InputError with the nearest names."""
        try:
            return self._things[name]
        except KeyError:
            raise InputError(
                f"unknown {self.kind} {name!r}", remedy=nearest(name, self._things)
            ) from None

    def names(self) -> list[str]:
        """All names, sorted."""
        return sorted(self._things)

    def __contains__(self, name: object) -> bool:
        return name in self._things

    def __iter__(self) -> Iterator[str]:
        return iter(self.names())
