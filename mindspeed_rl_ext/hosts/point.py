"""One thing of a host that is touched: what it must look like, how it is touched, why.

Covers: the types. A host line (`adapter.Adapter`) holds points; points are shared by lines.
Does not cover: probing and applying; `probe` and `fit` do.

Example:
    >>> Expect("verifier", ("responses", "data")).describe()
    'verifier(responses, data, ...)'
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType
from typing import NamedTuple


@dataclass(frozen=True)
class Expect:
    """A function or class that a host module must have for a point to fit.

    Args:
        attribute: its name in the module.
        parameters: its first parameters, in order; those of `__init__` (without self) for a class.
        constants: strings that its code must contain, as a whole constant.
        no_constants: strings that its code must not contain.
        or_attribute: another name under which a host line has the same function.
    """

    attribute: str
    parameters: tuple[str, ...] = ()
    constants: tuple[str, ...] = ()
    no_constants: tuple[str, ...] = ()
    or_attribute: str = ""

    @property
    def attributes(self) -> tuple[str, ...]:
        """The names, one of which must be there."""
        return (self.attribute, self.or_attribute) if self.or_attribute else (self.attribute,)

    def describe(self) -> str:
        """The expectation as one would write the signature."""
        return f"{' or '.join(self.attributes)}({', '.join([*self.parameters, '...'])})"


@dataclass(frozen=True)
class Caller:
    """The text of the host that calls what a point touches; without it the point has no effect.

    Args:
        calls: regular expression of the call.
        module: full name of the module that calls; "" for the module of the point.
        script: name of a script beside the host's package that calls, in place of a module.
    """

    calls: str
    module: str = ""
    script: str = ""

    def describe(self, verb: str = "calls it") -> str:
        """Who calls, for messages and the ledger."""
        return f"{self.script or self.module or 'its own module'} {verb}"


class LedgerRow(NamedTuple):
    """Why a point exists: a row of LEDGER.md.

    Args:
        id: such as RL-1.
        what: what is done to the host; begins with the full name of what is touched.
        why: why the host offers no other way.
        until: when it can go.
    """

    id: str
    what: str
    why: str
    until: str

    def __str__(self) -> str:
        return f"LEDGER {self.id}: {self.what}; {self.why}; {self.until}"


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
        ledger: why it is touched.
        required: a host of that name without the module is reported; other lines may lack it.
        callers: who calls what is touched; any of them is enough. Empty where the probe itself
            is the look-up by name that finds it.
    """

    module: str
    attribute: str
    probe: tuple[Expect, ...]
    apply: Callable[[ModuleType], None]
    tripwire: Callable[[ModuleType, Exception], None]
    ledger: LedgerRow
    required: bool = True
    callers: tuple[Caller, ...] = ()


@dataclass(frozen=True)
class Fitted:
    """What became of one attribute of one host module.

    Args:
        adapter: names of the adapters that fit, or of those that do not.
        ledger: id of the ledger row.
        misfit: why none fits; empty where one was applied.
        unused: why it was not applied although it fits: this host never calls it.
    """

    module: str
    attribute: str
    adapter: str
    ledger: str
    misfit: str = ""
    unused: str = ""

    def __str__(self) -> str:
        place = f"{self.module}.{self.attribute}"
        if self.misfit:
            return f"{place}: NOT installed ({self.misfit}); using it raises; {self.ledger}"
        if self.unused:
            return f"{place}: not installed, this host does not use it ({self.unused})"
        return f"{place}: installed for {self.adapter}; {self.ledger}"
