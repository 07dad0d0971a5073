"""What an adapter is: data that says which points of a host it touches and when they fit.

Covers: the types. A host line is one file in `lines/` that holds `ADAPTER`.
Does not cover: doing it; `fit` does.

Example:
    >>> Expect("verifier", ("responses", "data")).describe()
    'verifier(responses, data, ...)'
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType


@dataclass(frozen=True)
class Expect:
    """A function or class that a host module must have for a point to fit.

    Args:
        attribute: its name in the module.
        parameters: its first parameters, in order; those of `__init__` (without self) for a class.
        constants: strings that its code must contain, as a whole constant.
        no_constants: strings that its code must not contain.
    """

    attribute: str
    parameters: tuple[str, ...] = ()
    constants: tuple[str, ...] = ()
    no_constants: tuple[str, ...] = ()

    def describe(self) -> str:
        """The expectation as one would write the signature."""
        return f"{self.attribute}({', '.join([*self.parameters, '...'])})"


@dataclass(frozen=True)
class Point:
    """One thing of a host that is touched.

    Args:
        module: full name of the host module.
        attribute: what is set or wrapped in it.
        probe: what the module must have; all of it, or the point does not fit.
        apply: sets or wraps the attribute of a module that fits.
        tripwire: makes any use of a name of ours raise the error it is given, in a module
            that does not fit.
        ledger: the row of LEDGER.md.
        required: a host of that name without the module is reported; other lines may lack it.
    """

    module: str
    attribute: str
    probe: tuple[Expect, ...]
    apply: Callable[[ModuleType], None]
    tripwire: Callable[[ModuleType, Exception], None]
    ledger: str
    required: bool = True


@dataclass(frozen=True)
class Adapter:
    """One host line.

    Args:
        name: the host and its versions, for messages.
        points: what is touched.
    """

    name: str
    points: tuple[Point, ...]


@dataclass(frozen=True)
class Fitted:
    """What became of one attribute of one host module.

    Args:
        adapter: name of the adapter that fits, or of those that do not.
        misfit: why none fits; empty where one was applied.
    """

    module: str
    attribute: str
    adapter: str
    ledger: str
    misfit: str = ""

    def __str__(self) -> str:
        place = f"{self.module}.{self.attribute}"
        if self.misfit:
            return f"{place}: NOT installed ({self.misfit}); using it raises; {self.ledger}"
        return f"{place}: installed for {self.adapter}; {self.ledger}"
