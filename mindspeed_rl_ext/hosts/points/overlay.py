"""A host's object seen with some attributes replaced, without touching it.

Covers: reading and writing through. Does not cover: isinstance, special methods.
"""

from __future__ import annotations

from typing import Any


class Overlay:
    """Reads the replaced attributes here and all others from the object; writes go to the object.

    Example:
        >>> from types import SimpleNamespace
        >>> config = SimpleNamespace(a=1, b=2)
        >>> seen = Overlay(config, a=5)
        >>> seen.c = 7
        >>> seen.a, seen.b, config.a, config.c
        (5, 2, 1, 7)
    """

    def __init__(self, original: Any, **replaced: Any) -> None:
        object.__setattr__(self, "_original", original)
        object.__setattr__(self, "_replaced", replaced)

    def __getattr__(self, name: str) -> Any:
        replaced = object.__getattribute__(self, "_replaced")
        if name in replaced:
            return replaced[name]
        return getattr(object.__getattribute__(self, "_original"), name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(object.__getattribute__(self, "_original"), name, value)
