"""Keys and types of a part of a YAML: an unknown key names its neighbours, a wrong type its value.

Covers: the kinds that `rl_keys` names. Interpolations (`${...}`) and empty values pass.
Does not cover: relations between keys; the rules do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from math import isfinite
from typing import Any

from mindspeed_rl_ext.core.errors import InputError, nearest
from mindspeed_rl_ext.core.files.yaml_file import Document


def is_number(value: object) -> bool:
    """A finite number that is no truth value."""
    if isinstance(value, float):
        return isfinite(value)
    return isinstance(value, int) and not isinstance(value, bool)


def is_whole(value: object) -> bool:
    """A whole number; `1.0e+3` is one."""
    return is_number(value) and (isinstance(value, int) or float(value).is_integer())  # type: ignore[arg-type]


def _is_list_of(inner: Callable[[object], bool]) -> Callable[[object], bool]:
    return lambda value: isinstance(value, list) and all(map(inner, value))


def _is_text(value: object) -> bool:
    return isinstance(value, str)


KINDS: dict[str, tuple[Callable[[object], bool], str]] = {
    "anything": (lambda value: True, ""),
    "text": (_is_text, "text"),
    "flag": (lambda value: isinstance(value, bool), "true or false"),
    "whole": (is_whole, "a whole number"),
    "number": (is_number, "a number"),
    "names": (_is_list_of(_is_text), "a list of names, such as [labels]"),
    "numbers": (_is_list_of(is_number), "a list of numbers, such as [1.0]"),
    "table": (lambda value: isinstance(value, Mapping), "a table of keys"),
}


def is_open(value: object) -> bool:
    """Whether a value is empty or an interpolation, which only hydra can fill in."""
    return value is None or (isinstance(value, str) and "${" in value)


def check_part(document: Document, path: tuple[str, ...], kinds: Mapping[str, str]) -> None:
    """Checks the keys and types of one table of a document.

    Raises:
        InputError: an unknown key, or a value of the wrong type, with its line.
    """
    for key, value in document.table(*path).items():
        name = str(key).replace("-", "_")
        if name not in kinds:
            raise unknown_key(document, (*path, str(key)), kinds)
        check_type(document, (*path, str(key)), value, kinds[name])


def check_type(document: Document, path: tuple[str, ...], value: Any, kind: str) -> None:
    """Raises InputError where a value is not of its kind."""
    fits, expected = KINDS[kind]
    if not is_open(value) and not fits(value):
        raise InputError(
            f"{document.place(*path)} has the wrong type",
            found=f"{value!r}, {_named(value)}",
            expected=expected,
            remedy="correct the value",
        )


def unknown_key(document: Document, path: tuple[str, ...], known: Iterable[str]) -> InputError:
    """The error for a key that nothing reads."""
    return InputError(
        f"{document.place(*path)} is not a key that the host knows",
        found=path[-1],
        remedy=nearest(path[-1].replace("-", "_"), known),
    )


def _named(value: object) -> str:
    names = {bool: "true or false", int: "a number", float: "a number", str: "text"}
    return names.get(type(value), f"a {type(value).__name__}")
