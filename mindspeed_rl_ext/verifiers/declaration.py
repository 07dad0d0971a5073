"""What is known of a verifier: the record that its decorator makes, and the checks of that record.

Covers: the signature against `needs`, the name, switches, levels.
Does not cover: finding a verifier by name (`registry`), calling it (`running`).
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from mindspeed_rl_ext.core.errors import InputError, nearest
from mindspeed_rl_ext.core.language import Text
from mindspeed_rl_ext.core.responses.response_parts import check_conditions
from mindspeed_rl_ext.verifiers.verdict import Verdict

F = TypeVar("F", bound=Callable[..., "float | Verdict"])


@dataclass(frozen=True)
class Verifier:
    """A registered verifier.

    Args:
        name: the name that configs and metrics carry.
        function: takes one response, then columns and parameters by keyword.
        needs: the columns that are passed by keyword.
        wants: further columns, passed where they are there.
        counts: stages of its verdicts whose share is a metric of its own.
        parameters: name to default value.
        levels: the scores it gives, highest first; empty where they are not known.
        summary: what it does in a line; the English one is the first line of its docstring.
        isolated: whether it runs in a worker process that can be killed.
        cpu_s: CPU seconds that one response may take there.
        reads: what must be in a response for it to be paid, by its name in
            `core.responses.response_parts`; None where its author does not say.
        reads_with: by a parameter that is a switch, what is read instead where it is on.
        judges_answer: whether its outcome says that the answer is right; None where its author
            does not say.
    """

    name: str
    function: Callable[..., float | Verdict]
    needs: tuple[str, ...]
    parameters: Mapping[str, Any]
    levels: tuple[float, ...]
    summary: Text
    isolated: bool = False
    cpu_s: float = 1.0
    reads: tuple[str, ...] | None = None
    reads_with: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    judges_answer: bool | None = None
    wants: tuple[str, ...] = ()
    counts: tuple[str, ...] = ()

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that are passed, those that may be missing too."""
        return (*self.needs, *self.wants)

    @property
    def judges_format(self) -> bool | None:
        """Whether it judges the layout alone; None where its author does not say."""
        if self.reads is None or self.judges_answer is None:
            return None
        return bool(self.reads) and not self.judges_answer

    @property
    def wrong_score(self) -> float:
        """The lowest level: what a timeout, an error or an unusable reference scores."""
        return min(self.levels, default=0.0)


def declare(
    name: str,
    function: Callable[..., float | Verdict],
    *,
    needs: Sequence[str],
    wants: Sequence[str],
    levels: Sequence[float],
    isolated: bool,
    cpu_s: float,
    reads: Sequence[str] | None,
    reads_with: Mapping[str, Sequence[str]] | None,
    judges_answer: bool | None,
    counts: Sequence[str],
    zh: str,
) -> Verifier:
    """The record of a verifier; the arguments are those of the decorator.

    Raises:
        InputError: the name is malformed, the signature does not match its columns, or `reads`
            names an unknown part of a response.
    """
    needed = (needs,) if isinstance(needs, str) else tuple(needs)
    wanted = (wants,) if isinstance(wants, str) else tuple(wants)
    parameters = read_parameters(name, needed, wanted, function)
    check_name(name)
    return Verifier(
        name=name,
        function=function,
        needs=needed,
        parameters=parameters,
        levels=tuple(sorted({float(level) for level in levels}, reverse=True)),
        summary=read_summary(function, zh),
        isolated=isolated,
        cpu_s=cpu_s,
        reads=None if reads is None else check_conditions(reads, f"verifier {name!r}"),
        reads_with=check_switches(name, parameters, reads_with or {}),
        judges_answer=judges_answer,
        wants=wanted,
        counts=tuple(counts),
    )


def read_summary(function: Callable[..., object], zh: str) -> Text:
    """The first line of a function's docstring, with its Chinese text where there is one."""
    lines = (inspect.getdoc(function) or "").splitlines()
    english = lines[0] if lines else ""
    return Text(english, zh or english)


def check_name(name: str) -> None:
    """Raises InputError where a name cannot stand in a spec or in a metric."""
    if not (isinstance(name, str) and name.isascii() and name.isidentifier()):
        raise InputError(
            f"a verifier cannot be named {name!r}",
            expected="letters, digits and underscores, not starting with a digit",
            remedy="rename it",
        )


def read_parameters(
    name: str, needs: Sequence[str], wants: Sequence[str], function: Callable[..., object]
) -> dict[str, Any]:
    """The parameters of a function with their defaults, once its columns fit its signature.

    Args:
        name: of the verifier.
        needs: columns that are always passed.
        wants: columns that are passed where they are there; each has the default None.
        function: what is decorated.

    Raises:
        InputError: the function cannot be called as `f(response, *, columns..., parameters...)`.
    """
    signature = inspect.signature(function).parameters.values()
    positional = [p for p in signature if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    keywords = {p.name: p for p in signature if p.kind == p.KEYWORD_ONLY}
    faults = []
    if len(positional) != 1 or len(positional) + len(keywords) != len(signature):
        faults.append("it takes other than one response and keyword-only arguments")
    faults += [
        f"needs {need!r}, which is no keyword-only argument"
        for need in needs
        if need not in keywords
    ]
    faults += [
        f"wants {want!r}, which is no keyword-only argument with the default None"
        for want in wants
        if want not in keywords or keywords[want].default is not None
    ]
    faults += [
        f"{key!r} has no default and is not in needs"
        for key, p in keywords.items()
        if p.default is p.empty and key not in needs
    ]
    if faults:
        raise InputError(
            f"verifier {name!r} has a signature that cannot be called",
            found="; ".join(faults),
            expected="def f(response, *, <each of needs>, <each of wants>=None, parameter=default)",
            remedy="correct the signature, needs or wants",
        )
    return {key: p.default for key, p in keywords.items() if key not in (*needs, *wants)}


def check_switches(
    name: str, parameters: Mapping[str, Any], reads_with: Mapping[str, Sequence[str]]
) -> dict[str, tuple[str, ...]]:
    """What is read with each switch, every switch being a parameter that is True or False.

    Raises:
        InputError: another parameter, or an unknown part of a response.
    """
    owner = f"verifier {name!r}"
    for switch in reads_with:
        if not isinstance(parameters.get(switch), bool):
            raise InputError(
                f"{owner}: reads_with names {switch!r}",
                found="no parameter of that name" if switch not in parameters else "no switch",
                expected="a parameter whose default is True or False",
                remedy=nearest(switch, parameters),
            )
    return {switch: check_conditions(reads, owner) for switch, reads in reads_with.items()}


def check_parameter(verifier: Verifier, key: str, value: object) -> None:
    """Raises InputError for a parameter that a verifier has not, or a value of another type."""
    if key not in verifier.parameters:
        raise InputError(
            f"verifier {verifier.name!r} has no parameter {key!r}",
            remedy=nearest(key, verifier.parameters),
        )
    default = verifier.parameters[key]
    fits = default is None or type(value) is type(default)
    fits = fits or (type(default) is float and type(value) is int)
    if not fits:
        raise InputError(
            f"verifier {verifier.name!r}: {key!r} has a value of the wrong type",
            found=f"{value!r} ({type(value).__name__})",
            expected=f"{type(default).__name__}, as its default {default!r}",
            remedy="correct the value",
        )
