"""Where a point does not fit, a use of our names raises instead of being ignored.

Covers: functions of the host module that are given a configuration which names us, and our
handler's name looked up in the module.
Does not cover: a host without the module at all; `activation.hook` warns of that one.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from types import FunctionType, ModuleType
from typing import Any


def trip_functions(module: ModuleType, error: Exception, names_us: Callable[[Any], bool]) -> None:
    """Wraps every function that the module defines.

    Args:
        names_us: whether an argument is a configuration in which a name of ours stands.
    """
    for name, function in list(vars(module).items()):
        if isinstance(function, FunctionType) and function.__module__ == module.__name__:
            setattr(module, name, _tripped(function, error, names_us))


def trip_class(module: ModuleType, error: Exception, name: str) -> None:
    """Puts a class of that name into the module that raises when it is made."""

    class Tripped:
        """Stands where a class of ours would."""

        def __init__(self, *args: object, **kwargs: object) -> None:
            raise error

    Tripped.__name__ = Tripped.__qualname__ = name
    setattr(module, name, Tripped)


def configurations(arguments: Iterator[Any]) -> Iterator[Any]:
    """The arguments and what they hold under `algorithm` (the Feb 2025 line nests the names)."""
    for argument in arguments:
        yield argument
        nested = getattr(argument, "algorithm", None)
        if nested is not None:
            yield nested


def _tripped(
    function: FunctionType, error: Exception, names_us: Callable[[Any], bool]
) -> Callable[..., Any]:
    @functools.wraps(function)
    def checked(*args: Any, **kwargs: Any) -> Any:
        if any(map(names_us, configurations(iter([*args, *kwargs.values()])))):
            raise error
        return function(*args, **kwargs)

    return checked
