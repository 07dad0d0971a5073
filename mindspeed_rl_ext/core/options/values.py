"""Options as values: from layers of files, variables and flags; checked; for another process.

Does not cover: flags; `options.flags` does.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import is_dataclass
from pathlib import Path
from typing import Any, TypeVar

from mindspeed_rl_ext.core.errors import InputError, nearest
from mindspeed_rl_ext.core.options.declaration import declared_options

T = TypeVar("T")


def read_environment(kind: type, environment: Mapping[str, str] | None = None) -> dict[str, Any]:
    """The options that `MSRL_EXT_*` variables set.

    Args:
        kind: the dataclass.
        environment: the process's where None.

    Raises:
        InputError: a value of the wrong type.
    """
    table = os.environ if environment is None else environment
    found = {}
    for name, one in declared_options(kind).items():
        text = table.get(one.variable, "") if one.variable else ""
        if text:
            found[name] = one.from_text(text, one.variable)
    return found


def build_options(
    kind: type[T], *layers: tuple[str, Mapping[str, Any]], remedy: str = "give the flags"
) -> T:
    """Builds the dataclass from layers of values; a later layer wins over an earlier one.

    Args:
        kind: the dataclass.
        layers: a source for messages, such as a file's path, and its values by name.
        remedy: what to do where a required option is missing.

    Raises:
        InputError: an unknown or missing option, a value of the wrong type.
    """
    known = declared_options(kind)
    merged: dict[str, Any] = {}
    for source, values in layers:
        for name, value in values.items():
            if name not in known:
                raise InputError(
                    f"{source} has an unknown key {name!r}", remedy=nearest(str(name), known)
                )
            merged[name] = known[name].from_file(value, source)
    missing = [
        one.flag or name for name, one in known.items() if one.required and name not in merged
    ]
    if missing:
        raise InputError(f"missing {', '.join(missing)}", remedy=remedy)
    return kind(**merged)


def check_options(options: Any) -> None:
    """Checks each value against its option's choices, minimum and maximum; for `__post_init__`.

    Raises:
        InputError: a value that the option does not allow.
    """
    for name, one in declared_options(type(options)).items():
        value = getattr(options, name)
        if value is None:
            continue
        for single in value if isinstance(value, tuple) else (value,):
            if one.option.choices and single not in one.option.choices:
                words = [str(choice) for choice in one.option.choices]
                raise InputError(
                    f"unknown {name} {single!r}",
                    expected=" or ".join(words),
                    remedy=nearest(str(single), words),
                )
        if not isinstance(value, int | float):
            continue
        least, most = one.option.minimum, one.option.maximum
        if least is not None and value < least:
            raise InputError(f"{name} must be at least {least:g}", found=str(value))
        if most is not None and value > most:
            raise InputError(f"{name} must be at most {most:g}", found=str(value))


def identity_of(options: Any) -> dict[str, Any]:
    """What a resumed run must have alike, as JSON values by name."""
    known = declared_options(type(options))
    return {n: plain(getattr(options, n)) for n, one in known.items() if one.option.identity}


def to_json(options: Any) -> str:
    """The options as text for another process of ours."""
    return json.dumps({n: plain(getattr(options, n)) for n in declared_options(type(options))})


def from_json(kind: type[T], text: str) -> T:
    """The options that `to_json` wrote.

    Raises:
        InputError: the text is of other options.
    """
    return build_options(kind, ("options of another process", json.loads(text)))


def plain(value: Any) -> Any:
    """A value as JSON holds it."""
    if is_dataclass(value) and not isinstance(value, type):
        return identity_of(value)
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, tuple | list):
        return [plain(one) for one in value]
    if isinstance(value, Mapping):
        return {str(key): plain(one) for key, one in value.items()}
    return value
