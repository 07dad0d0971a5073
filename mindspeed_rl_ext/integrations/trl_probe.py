"""What our trainers override of TRL and transformers, checked against the installed versions.

Covers: `@overrides_trl` beside each overriding method; `trainer_class`, which puts our mixins in
front of TRL's class only where the overridden methods are there with the parameters that ours pass
on; attributes of a trainer that ours read; the hooks of a callback. A method that a release renamed
would otherwise never be called again, and what it does would stop silently.
Does not cover: what the methods compute.

Example:
    >>> class Base:
    ...     def log(self, logs, start_time=None): ...
    >>> class Ours:
    ...     @overrides_trl("logs")
    ...     def log(self, logs, *args): ...
    >>> trainer_class("OurTrainer", (Ours,), Base).__name__
    'OurTrainer'
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import Any, NamedTuple, TypeVar

from mindspeed_rl_ext.core.errors import InputError

# What the tests of these trainers ran with.
WORKING = "trl 1.14 and 1.16 with transformers 5"
REMEDY = (
    'pip install "trl>=1.14,!=1.15.*,<1.17", or a version of mindspeed-rl-ext that knows this TRL'
)
# TRL's losses, which 1.15 computes with a kernel of triton alone: None without triton.
_LOSSES, _KERNEL = "trl.trainer.utils", "_ChunkedLogProbFunction"
_MARK = "__overrides_trl__"
F = TypeVar("F", bound=Callable[..., Any])


class Overridden(NamedTuple):
    """A method that one of our classes overrides."""

    owner: type
    name: str
    parameters: tuple[str, ...]
    passes_on: bool


def overrides_trl(*parameters: str) -> Callable[[F], F]:
    """Declares that a method overrides one of the same name in TRL's or transformers' trainer.

    Args:
        parameters: of the overridden method, without self, in order, as far as ours names them.
    """

    def declare(method: F) -> F:
        setattr(method, _MARK, parameters)
        return method

    return declare


def overridden_methods(mixins: Sequence[type]) -> list[Overridden]:
    """All declarations of some classes and of their bases."""
    kinds = dict.fromkeys(kind for mixin in mixins for kind in mixin.__mro__)
    return [
        Overridden(kind, name, getattr(member, _MARK), _takes_more(member))
        for kind in kinds
        for name, member in vars(kind).items()
        if hasattr(member, _MARK)
    ]


def _takes_more(method: Any) -> bool:
    """Whether a method hands on arguments that it does not name."""
    kinds = {one.kind for one in inspect.signature(method).parameters.values()}
    return inspect.Parameter.VAR_KEYWORD in kinds


def trainer_class(name: str, mixins: Sequence[type], base: type) -> Any:
    """A class of our mixins before a trainer of TRL, after a look at what they override.

    Args:
        name: of the class.
        mixins: ours, the first one outermost.
        base: TRL's trainer.

    Raises:
        InputError: the trainer lacks an overridden method, or calls it otherwise.
    """
    for method in overridden_methods(mixins):
        _require_method(base, method)
    _require_losses()
    return type(name, (*mixins, base), {})


def _require_losses() -> None:
    """TRL notices only at the first loss that its kernel is not there."""
    losses = sys.modules.get(_LOSSES)
    if losses is not None and getattr(losses, _KERNEL, True) is None:
        raise _unknown(
            "it computes losses with triton alone, and triton is not installed",
            "losses that torch can compute",
        )


def _require_method(base: type, ours: Overridden) -> None:
    theirs = getattr(base, ours.name, None)
    where = f"{base.__name__}.{ours.name}"
    if not callable(theirs):
        raise _unknown(f"no method {where}", f"{where}, which {ours.owner.__name__} overrides")
    known = list(inspect.signature(theirs).parameters.values())[1:]
    fault = _signature_fault(known, ours)
    if fault:
        expected = f"{where}({', '.join(ours.parameters)}, ...)"
        found = f"{where}({', '.join(map(str, known))}): {fault}"
        raise _unknown(found, expected)


def _signature_fault(known: Sequence[inspect.Parameter], ours: Overridden) -> str:
    """Why our method can't stand in the place of theirs; "" where it can."""
    wanted = ours.parameters
    kinds = {one.kind for one in known}
    takes_any = {inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD} <= kinds
    names = [one.name for one in known if one.kind is not inspect.Parameter.VAR_KEYWORD]
    missing = [name for name in wanted if name not in names]
    if missing and not takes_any:
        return f"no parameter {missing[0]}"
    if not missing and [name for name in names if name in wanted] != list(wanted):
        return "the parameters come in another order"
    empty = inspect.Parameter.empty
    named = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    more = [
        one.name
        for one in known
        if one.kind in named and one.default is empty and one.name not in wanted
    ]
    return f"the parameter {more[0]} is required" if more and not ours.passes_on else ""


def require_attributes(trainer: Any, names: Sequence[str]) -> None:
    """Checks that a trainer has what ours read of it.

    Raises:
        InputError: an attribute is not there.
    """
    missing = [name for name in names if not hasattr(trainer, name)]
    if missing:
        kind = next(k.__name__ for k in type(trainer).__mro__ if k.__module__.startswith("trl"))
        raise _unknown(f"{kind} has no {', '.join(missing)}", f"the attributes {', '.join(names)}")


def require_called(name: str, called: bool) -> None:
    """Checks that TRL called a method of ours in this step.

    Raises:
        InputError: it did not.
    """
    if not called:
        raise _unknown(f"{name} is not called any more", f"a call of {name} in each step")


def checked_callback(kind: type) -> Any:
    """An instance of a TrainerCallback of ours, after a look at the hooks that it names.

    Raises:
        InputError: transformers has no such hook, so that it would never be called.
    """
    from transformers import TrainerCallback

    for name in vars(kind):
        if name.startswith("on_") and not hasattr(TrainerCallback, name):
            raise _unknown(f"transformers has no hook {name}", f"TrainerCallback.{name}")
    return kind()


def _unknown(found: str, expected: str) -> InputError:
    return InputError(
        f"our trainer does not fit the installed TRL ({_installed()})",
        found=found,
        expected=f"{expected}, as in {WORKING}",
        remedy=REMEDY,
    )


def _installed() -> str:
    found = []
    for library in ("trl", "transformers"):
        try:
            found.append(f"{library} {version(library)}")
        except PackageNotFoundError:
            found.append(f"no {library}")
    return ", ".join(found)
