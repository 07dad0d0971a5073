"""A mapping to a dataclass: every key known, every value of its type.

Covers: nested dataclasses, optional values, tuples, mappings, numbers that YAML reads as text
(`1e-6`); an unknown key is refused with the nearest ones.
Does not cover: rules between keys; who uses the dataclass checks those.

Example:
    >>> from mindspeed_rl_ext.core.typed import convert
    >>> convert("3, 4", tuple[str, ...], "recipe.yaml: layers")
    ('3', '4')
"""

from __future__ import annotations

import types
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from mindspeed_rl_ext.core.errors import InputError, nearest

T = TypeVar("T")
_WORDS = {str: "text", int: "a whole number", float: "a number", bool: "true or false"}


def build(kind: type[T], table: Any, place: str) -> T:
    """Builds a dataclass out of a mapping.

    Args:
        kind: the dataclass.
        table: keys and values, as YAML gives them.
        place: file and section, for messages.

    Raises:
        InputError: no mapping, an unknown or missing key, a value of the wrong type.
    """
    if not isinstance(table, Mapping):
        raise InputError(f"{place} is not a table of keys", found=repr(table))
    hints = get_type_hints(kind)
    known = [f.name for f in fields(kind)]  # type: ignore[arg-type]
    for key in table:
        if key not in known:
            raise InputError(f"{place} has an unknown key {key!r}", remedy=nearest(str(key), known))
    required = {
        f.name
        for f in fields(kind)  # type: ignore[arg-type]
        if f.default is MISSING and f.default_factory is MISSING
    }
    missing = sorted(required - set(table))
    if missing:
        raise InputError(
            f"{place} lacks {', '.join(missing)}", remedy="msrl-ext recipe show NAME shows one"
        )
    return kind(
        **{key: convert(value, hints[key], f"{place}: {key}") for key, value in table.items()}
    )


def convert(value: Any, hint: Any, place: str) -> Any:
    """A value as its annotation wants it.

    Raises:
        InputError: it is of another type.

    Example:
        >>> convert("1e-6", float, "lr")
        1e-06
    """
    origin, arguments = get_origin(hint), get_args(hint)
    if hint is Any:
        return value
    if origin in (Union, types.UnionType):
        return _one_of(value, arguments, place)
    if is_dataclass(hint) and isinstance(hint, type):
        return build(hint, value, place)
    if origin in (tuple, list):
        if isinstance(value, str):
            value = [part.strip() for part in value.split(",") if part.strip()]
        if not isinstance(value, list | tuple):
            raise _wrong(value, "a list", place)
        inner = arguments[0] if arguments else Any
        return origin(convert(one, inner, place) for one in value)
    if hint is Path and isinstance(value, str):
        return Path(value)
    if origin is Literal:
        if value not in arguments:
            raise _wrong(value, " or ".join(map(repr, arguments)), place)
        return value
    if hint in (dict, Mapping) or origin in (dict, Mapping) or _is_mapping(origin):
        if not isinstance(value, Mapping):
            raise _wrong(value, "a table of keys", place)
        return dict(value)
    return _scalar(value, hint, place)


def _is_mapping(origin: Any) -> bool:
    return isinstance(origin, type) and issubclass(origin, Mapping)


def _one_of(value: Any, arguments: tuple[Any, ...], place: str) -> Any:
    if value is None and type(None) in arguments:
        return None
    errors = []
    for hint in arguments:
        if hint is type(None):
            continue
        try:
            return convert(value, hint, place)
        except InputError as error:
            errors.append(error)
    raise _best_error(errors, value, arguments, place)


def _best_error(
    errors: list[InputError], value: Any, arguments: tuple[Any, ...], place: str
) -> InputError:
    """The error of the annotation that fits best: a table's own fault, or all types by name."""
    if len(errors) == 1 or isinstance(value, Mapping):
        return errors[0]
    words = (_WORDS.get(hint, "a table of keys") for hint in arguments if hint is not type(None))
    return _wrong(value, " or ".join(words), place)


def _scalar(value: Any, hint: Any, place: str) -> Any:
    if hint is float:
        # YAML 1.1 reads 1e-6 as text.
        if isinstance(value, str):
            try:
                return float(value)
            except ValueError as error:
                raise _wrong(value, _WORDS[float], place) from error
        if isinstance(value, int | float) and not isinstance(value, bool):
            return float(value)
        raise _wrong(value, _WORDS[float], place)
    if hint is int:
        if isinstance(value, int) and not isinstance(value, bool):
            return value
        raise _wrong(value, _WORDS[int], place)
    if isinstance(hint, type) and not isinstance(value, hint):
        raise _wrong(value, _WORDS.get(hint, hint.__name__), place)
    return value


def _wrong(value: Any, expected: str, place: str) -> InputError:
    return InputError(f"{place} is not {expected}", found=repr(value), expected=expected)
