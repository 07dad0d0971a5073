"""The decorator that makes a function a verifier, and how a verifier is found by its spec.

Covers: registration with its checks, built-ins and plugins loaded when they are first asked for,
parameters bound and checked, one response judged without ever raising for a verifier's own fault.
Does not cover: batches, weights and metrics; `scoring` does.

Example:
    >>> @verifier("doctest_short", levels=(1.0, 0.0))
    ... def doctest_short(response: str, *, limit: int = 5) -> float:
    ...     "1 where the response is short."
    ...     return float(len(response) <= limit)
    >>> resolve("doctest_short(limit=3)")("abc").score
    1.0
"""

from __future__ import annotations

import inspect
import logging
import math
import pkgutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, TypeVar

from mindspeed_rl_ext.core.answers import canonical_text
from mindspeed_rl_ext.core.errors import ExtError, InputError, nearest
from mindspeed_rl_ext.core.language import Text
from mindspeed_rl_ext.core.registry import Registry
from mindspeed_rl_ext.core.response_parts import check_conditions
from mindspeed_rl_ext.verifiers.plugins import load_plugins
from mindspeed_rl_ext.verifiers.spec import Spec, parse_spec
from mindspeed_rl_ext.verifiers.verdict import Outcome, Verdict

__all__ = ["BoundVerifier", "Verifier", "find_verifier", "is_ours", "parse_spec"]
__all__ += ["registry_names", "resolve", "verifier", "verifier_named"]

_LOG = logging.getLogger(__name__)
_BUILTIN_PACKAGE = "mindspeed_rl_ext.verifiers.builtin"

F = TypeVar("F", bound=Callable[..., "float | Verdict"])


@dataclass(frozen=True)
class Verifier:
    """A registered verifier.

    Args:
        name: the name that configs and metrics carry.
        function: takes one response, then columns and parameters by keyword.
        needs: the columns that are passed by keyword.
        parameters: name to default value.
        levels: the scores it gives, highest first; empty where they are not known.
        summary: what it does in a line; the English one is the first line of its docstring.
        isolated: whether it runs in a worker process that can be killed.
        cpu_s: CPU seconds that one response may take there.
        reads: what must be in a response for it to be paid, as `core.response_parts` names it;
            None where its author does not say.
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

    @property
    def judges_format(self) -> bool | None:
        """Whether it judges the layout alone; None where its author does not say."""
        if self.reads is None or self.judges_answer is None:
            return None
        return bool(self.reads) and not self.judges_answer


@dataclass(frozen=True)
class BoundVerifier:
    """A verifier with its parameters, ready for responses.

    Example:
        >>> resolve("countdown_format").needs
        ()
    """

    verifier: Verifier
    parameters: Mapping[str, Any]

    @property
    def name(self) -> str:
        """The bare name, without parameters."""
        return self.verifier.name

    @property
    def needs(self) -> tuple[str, ...]:
        """The columns that a call takes by keyword."""
        return self.verifier.needs

    @property
    def reads(self) -> tuple[str, ...] | None:
        """What must be in a response for it to be paid, with these parameters.

        Example:
            >>> resolve("dapo").reads, resolve("dapo(boxed=True)").reads
            (('answer_line',), ('box',))
        """
        for switch, reads in self.verifier.reads_with.items():
            if self.parameters.get(switch, self.verifier.parameters[switch]):
                return reads
        return self.verifier.reads

    @property
    def wrong_score(self) -> float:
        """The lowest level: what a timeout, an error or an unusable reference scores."""
        return min(self.verifier.levels, default=0.0)

    def __call__(self, response: str, **columns: Any) -> Verdict:
        """Judges one response; a fault of the verifier is a verdict ERROR, not an exception."""
        missing = [name for name in self.needs if name not in columns]
        if missing:
            raise InputError(
                f"verifier {self.name!r} needs the column {missing[0]!r}",
                found=f"columns {', '.join(sorted(columns)) or 'none'}",
                remedy="pass it by keyword",
            )
        if not self.verifier.isolated:
            return self.judge(response, columns)
        return isolated_verdicts(self, [(response, columns)])[0]

    def judge(self, response: str, columns: Mapping[str, Any]) -> Verdict:
        """Judges one response in this process, columns being complete."""
        arguments = {name: columns[name] for name in self.needs}
        if "answer" in arguments:
            if arguments["answer"] is None:
                return self.failed(Outcome.BAD_REFERENCE, "the reference answer is missing")
            try:
                arguments["answer"] = canonical_text(arguments["answer"])
            except ValueError as error:
                return self.failed(Outcome.BAD_REFERENCE, f"the reference answer: {error}")
        try:
            said = self.verifier.function(response, **arguments, **self.parameters)
        except Exception as error:  # noqa: BLE001 - it may raise anything; the batch goes on
            return self.failed(Outcome.ERROR, f"{type(error).__name__}: {error}")
        return self._checked(said)

    def _checked(self, said: object) -> Verdict:
        verdict = said
        if isinstance(said, (int, float)):
            verdict = Verdict(Outcome.SCORED, float(said))
        if not isinstance(verdict, Verdict):
            return self.failed(Outcome.ERROR, f"returned {type(said).__name__}, not a number")
        if not math.isfinite(verdict.score):
            return self.failed(Outcome.ERROR, f"returned the score {verdict.score}")
        return verdict

    def failed(self, outcome: Outcome, reason: str) -> Verdict:
        """The verdict of a fault: it scores as wrong."""
        return Verdict(outcome, self.wrong_score, reason[:300], "call")


def isolated_verdicts(
    bound: BoundVerifier, items: Sequence[tuple[str, Mapping[str, Any]]]
) -> list[Verdict]:
    """Judges responses in workers: one that hangs or crashes is a verdict of its own.

    Args:
        bound: the verifier; its module is imported there, so it cannot stand in `__main__`.
        items: each a response and its columns.
    """
    from mindspeed_rl_ext.verifiers.isolation import verdicts  # it imports this module

    return verdicts(bound, items)


_REGISTRY: Registry[Verifier] = Registry("verifier")


def verifier(
    name: str,
    *,
    needs: Sequence[str] = (),
    levels: Sequence[float] = (),
    isolated: bool = False,
    cpu_s: float = 1.0,
    reads: Sequence[str] | None = None,
    reads_with: Mapping[str, Sequence[str]] | None = None,
    judges_answer: bool | None = None,
    zh: str = "",
) -> Callable[[F], F]:
    """Makes a function a verifier that configs choose by name; the function itself is unchanged.

    Args:
        name: letters, digits and underscores, not starting with a digit.
        needs: columns passed by keyword: `answer`, `prompt`, `num_tokens`, any additional key.
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
        zh: the first line of the docstring in Chinese.

    Raises:
        InputError: the name is malformed or taken, the signature does not match `needs`, or
            `reads` names an unknown part of a response.
    """
    needed = (needs,) if isinstance(needs, str) else tuple(needs)

    def register(function: F) -> F:
        parameters = _checked_signature(name, needed, function)
        _check_name(name, function)
        lines = (inspect.getdoc(function) or "").splitlines()
        english = lines[0] if lines else ""
        declared = Verifier(
            name=name,
            function=function,
            needs=needed,
            parameters=parameters,
            levels=tuple(sorted({float(level) for level in levels}, reverse=True)),
            summary=Text(english, zh or english),
            isolated=isolated,
            cpu_s=cpu_s,
            reads=None if reads is None else check_conditions(reads, f"verifier {name!r}"),
            reads_with=_checked_switches(name, parameters, reads_with or {}),
            judges_answer=judges_answer,
        )
        _REGISTRY.register(name, declared)
        return function

    return register


def resolve(spec: str | Spec) -> BoundVerifier:
    """Finds a verifier by its spec and binds the parameters.

    Raises:
        InputError: an unknown name or parameter (with the nearest ones), or a value of a wrong
            type.
    """
    wanted = parse_spec(spec) if isinstance(spec, str) else spec
    found = verifier_named(wanted.name)
    for key, value in wanted.parameters.items():
        if key not in found.parameters:
            raise InputError(
                f"verifier {found.name!r} has no parameter {key!r}",
                remedy=nearest(key, found.parameters),
            )
        _check_type(found, key, value)
    return BoundVerifier(found, dict(wanted.parameters))


def verifier_named(name: str) -> Verifier:
    """The registered verifier of a bare name; raises InputError with the nearest names."""
    _load_builtin()
    if name not in _REGISTRY:
        load_plugins()
    return _REGISTRY.get(name)


def registry_names() -> list[str]:
    """All names there are, of built-ins, plugins and functions decorated so far."""
    _load_builtin()
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


def _load_builtin() -> None:
    # Importing is idempotent and takes Python's own import lock.
    for name in _builtin_names():
        import_module(f"{_BUILTIN_PACKAGE}.{name}")


def _builtin_names() -> list[str]:
    """One file, one verifier of the same name: adding a file is all there is to do."""
    return [m.name for m in pkgutil.iter_modules(import_module(_BUILTIN_PACKAGE).__path__)]


def _check_name(name: str, function: Callable[..., object]) -> None:
    if not (isinstance(name, str) and name.isascii() and name.isidentifier()):
        raise InputError(
            f"a verifier cannot be named {name!r}",
            expected="letters, digits and underscores, not starting with a digit",
            remedy="rename it",
        )
    ours = function.__module__.startswith(_BUILTIN_PACKAGE + ".")
    if not ours and name in _builtin_names():
        raise InputError(
            f"verifier {name!r} is built in",
            found=f"{function.__module__}.{function.__qualname__} asks for the same name",
            remedy="choose another name",
        )


def _checked_signature(
    name: str, needs: tuple[str, ...], function: Callable[..., object]
) -> dict[str, Any]:
    """The parameters of a function with their defaults, once `needs` fits its signature."""
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
        f"{key!r} has no default and is not in needs"
        for key, p in keywords.items()
        if p.default is p.empty and key not in needs
    ]
    if faults:
        raise InputError(
            f"verifier {name!r} has a signature that cannot be called",
            found="; ".join(faults),
            expected="def f(response, *, <each of needs>, parameter=default, ...)",
            remedy="mend the signature or needs",
        )
    return {key: p.default for key, p in keywords.items() if key not in needs}


def _checked_switches(
    name: str, parameters: Mapping[str, Any], reads_with: Mapping[str, Sequence[str]]
) -> dict[str, tuple[str, ...]]:
    for switch in reads_with:
        if not isinstance(parameters.get(switch), bool):
            raise InputError(
                f"verifier {name!r}: reads_with names {switch!r}",
                found="no parameter of that name" if switch not in parameters else "no switch",
                expected="a parameter whose default is True or False",
                remedy=nearest(switch, parameters),
            )
    owner = f"verifier {name!r}"
    return {switch: check_conditions(reads, owner) for switch, reads in reads_with.items()}


def _check_type(found: Verifier, key: str, value: object) -> None:
    default = found.parameters[key]
    fits = default is None or type(value) is type(default)
    fits = fits or (type(default) is float and type(value) is int)
    if not fits:
        raise InputError(
            f"verifier {found.name!r}: {key!r} has a value of the wrong type",
            found=f"{value!r} ({type(value).__name__})",
            expected=f"{type(default).__name__}, as its default {default!r}",
            remedy="mend the value",
        )
