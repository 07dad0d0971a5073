"""The decorator that makes a function a verifier, and how a verifier is found by its name.

Covers: registration, built-ins and plugins loaded when they are first asked for.
Does not cover: parameters of a spec and calls; `api.resolve` does.

Example:
    >>> @verifier("doctest_short", levels=(1.0, 0.0))
    ... def doctest_short(response: str, *, limit: int = 5) -> float:
    ...     "1 where the response is short."
    ...     return float(len(response) <= limit)
    >>> verifier_named("doctest_short").summary.en
    '1 where the response is short.'
"""

from __future__ import annotations

import logging
import pkgutil
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Any

from mindspeed_rl_ext.core.errors import ExtError, InputError
from mindspeed_rl_ext.core.registry import Registry
from mindspeed_rl_ext.verifiers.declaration import F, Verifier, declare
from mindspeed_rl_ext.verifiers.plugins import load_plugins
from mindspeed_rl_ext.verifiers.spec import parse_spec

_LOG = logging.getLogger(__name__)
_BUILTIN_PACKAGE = "mindspeed_rl_ext.verifiers.builtin"

_REGISTRY: Registry[Verifier] = Registry("verifier")


def verifier(
    name: str,
    *,
    needs: Sequence[str] = (),
    wants: Sequence[str] = (),
    levels: Sequence[float] = (),
    isolated: bool = False,
    cpu_s: float = 1.0,
    reads: Sequence[str] | None = None,
    reads_with: Mapping[str, Sequence[str]] | None = None,
    judges_answer: bool | None = None,
    counts: Sequence[str] = (),
    zh: str = "",
) -> Callable[[F], F]:
    """Makes a function a verifier that configs choose by name; the function itself is unchanged.

    Args:
        name: letters, digits and underscores, not starting with a digit.
        needs: columns passed by keyword: `answer`, `prompt`, `num_tokens`, any additional key.
        wants: columns passed where the caller has them, None otherwise.
        levels: the scores it gives. The lowest is what an error scores; where none are named, an
            error scores 0 or the lowest score of the batch, whichever is lower.
        isolated: run it in a worker process, which is killed where it hangs or dies.
        cpu_s: CPU seconds a response may take there.
        reads: what must be in a response for it to be paid: `box`, `think_tag`, `answer_tag`,
            `answer_line`, `hash_line`, `prose`, or alternatives such as `"answer_line|box"`; an
            empty list where nothing must. Left out, no rule is applied to it.
        reads_with: by a parameter that is a switch, what is read instead where it is on.
        judges_answer: whether its outcome says that the answer is right. Left out, nothing is
            concluded from its outcomes.
        counts: stages of its verdicts, such as `empty_think`, whose share is a metric of its own.
        zh: the first line of the docstring in Chinese.

    Raises:
        InputError: the name is malformed or taken, the signature does not match its columns, or
            `reads` names an unknown part of a response.
    """
    declared: dict[str, Any] = {"levels": levels, "isolated": isolated, "cpu_s": cpu_s}
    declared |= {"reads": reads, "reads_with": reads_with, "judges_answer": judges_answer}

    def register(function: F) -> F:
        _check_not_built_in(name, function)
        found = declare(name, function, needs=needs, wants=wants, counts=counts, zh=zh, **declared)
        _REGISTRY.register(name, found)
        return function

    return register


def verifier_named(name: str) -> Verifier:
    """The registered verifier of a bare name; raises InputError with the nearest names."""
    _load_built_ins()
    if name not in _REGISTRY:
        load_plugins()
    return _REGISTRY.get(name)


def registry_names() -> list[str]:
    """All names there are, of built-ins, plugins and functions decorated so far."""
    _load_built_ins()
    load_plugins()
    return _REGISTRY.names()


def find_verifier(spec: object) -> Verifier | None:
    """The verifier that a spec names, None where it names none of this registry; never raises.

    A plugin that cannot be loaded is logged, and its names are not known.

    Example:
        >>> found = find_verifier("countdown(think_prefilled=True)")
        >>> found.reads, found.judges_answer, find_verifier("acc")
        (('answer_tag',), True, None)
    """
    if not isinstance(spec, str):
        return None
    try:
        return verifier_named(parse_spec(spec).name)
    except ExtError as error:
        if "plugin" in error.what:
            _LOG.warning("%s", error)
        return None


def is_ours(spec: object) -> bool:
    """Whether a spec names a verifier of this package; never raises.

    Example:
        >>> is_ours("countdown(think_prefilled=True)"), is_ours("acc"), is_ours(None)
        (True, False, False)
    """
    return find_verifier(spec) is not None


def built_in_names() -> list[str]:
    """The verifiers of this package: one file each, of the same name, so a file is all to add."""
    return [m.name for m in pkgutil.iter_modules(import_module(_BUILTIN_PACKAGE).__path__)]


def _load_built_ins() -> None:
    # Importing is idempotent and takes Python's own import lock.
    for name in built_in_names():
        import_module(f"{_BUILTIN_PACKAGE}.{name}")


def _check_not_built_in(name: str, function: Callable[..., object]) -> None:
    ours = function.__module__.startswith(_BUILTIN_PACKAGE + ".")
    if not ours and name in built_in_names():
        raise InputError(
            f"verifier {name!r} is built in",
            found=f"{function.__module__}.{function.__qualname__} asks for the same name",
            remedy="choose another name",
        )
