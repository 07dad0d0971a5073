"""Which verifier names of a configuration are ours, which the host's, which nobody's.

Covers: splitting and the errors. Names are written as in the host's YAML, ours with parameters.
Does not cover: scoring; `verifier_point` does.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from mindspeed_rl_ext.core.errors import InputError, nearest
from mindspeed_rl_ext.verifiers import is_ours, parse_spec, registry_names


def names_of(config: Any) -> list[str]:
    """The names under `verifier_function`; empty where the object has none."""
    names = getattr(config, "verifier_function", None)
    if isinstance(names, str):
        return [names]
    try:
        return [str(name) for name in names or []]
    except TypeError:
        return []


def names_us(config: Any) -> bool:
    """Whether a configuration asks for a verifier of ours."""
    return any(is_ours(name) for name in names_of(config))


def bare_name(spec: str) -> str:
    """The name without parameters, as metrics carry it."""
    return parse_spec(spec).name


def check_weights(names: Sequence[str], weights: Sequence[float]) -> None:
    """Raises InputError where names and weights differ in number."""
    if len(names) != len(weights):
        raise InputError(
            "verifier_function and verifier_weight differ in length",
            found=f"{len(names)} names, {len(weights)} weights",
            expected="one weight for each name",
            remedy="fix the two lists in the YAML",
        )


def check_clashes(names: Sequence[str], theirs: Collection[str]) -> None:
    """Raises InputError where a name is both ours and the host's."""
    both = [name for name in names if bare_name(name) in theirs]
    if both:
        raise InputError(
            f"verifier {both[0]!r} is a name of the host and of a verifier of yours",
            remedy="register yours under another name",
        )


def unknown_name(name: str, theirs: Collection[str]) -> InputError:
    """The error for a name that neither the host nor this package knows."""
    if "(" in name:
        try:
            name = bare_name(name)
        except InputError as error:
            return error
    host = ", ".join(theirs) or "could not be read"
    return InputError(
        f"unknown verifier {name!r} in verifier_function",
        found=f"the host's names: {host}; ours: {', '.join(registry_names())}",
        expected="a name of the host or of mindspeed-rl-ext; the host alone would score 0",
        remedy=nearest(name, {*theirs, *registry_names()}),
    )
