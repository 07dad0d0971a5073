"""Options declared once: the fields of a dataclass, from which everything else is derived.

A field made by `option` carries its help in both languages, its environment variable, the host's
key for it, its limits and whether a resumed run must repeat it. Derived from that: flags
(`add_options`), values of YAML files and `MSRL_EXT_*` variables (`build_options`,
`read_environment`), checks (`check_options`), what a resumed run must repeat (`identity_of`), the
same options in another process (`to_json`, `from_json`); command lines and the tables of the
documentation (`option_export`).

Covers: text, numbers, switches, paths, lists, JSON tables.
Does not cover: rules between options; the dataclass checks those in `__post_init__`.

Example:
    >>> from dataclasses import dataclass
    >>> @dataclass(frozen=True)
    ... class Options:
    ...     limit: int = option("rows to read", "读取的行数", default=5, minimum=1)
    ...     def __post_init__(self) -> None:
    ...         check_options(self)
    >>> build_options(Options, ("rows.yaml", {"limit": 3}))
    Options(limit=3)
    >>> read_environment(Options, {})
    {}
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, dataclass, field, fields, is_dataclass
from pathlib import Path
from types import NoneType
from typing import Any, NamedTuple, TypeVar, get_args, get_origin, get_type_hints

from mindspeed_rl_ext.core.errors import InputError, nearest
from mindspeed_rl_ext.core.language import DEFAULT_LANGUAGE, Language, Text
from mindspeed_rl_ext.core.typed import convert

ENVIRONMENT_PREFIX = "MSRL_EXT_"
TRUE_WORDS, FALSE_WORDS = ("1", "true", "yes"), ("", "0", "false", "no")
_KEY = "option"
T = TypeVar("T")


@dataclass(frozen=True)
class Option:
    """What is known of one option beside its type and default.

    Args:
        help: what it is for, in both languages.
        flag: its flag; "" for the field's name with hyphens, None where it has no flag. Without a
            leading hyphen it is a positional argument.
        aliases: other spellings of the flag.
        metavar: how the help names its value.
        choices: the values that it may have; empty for any.
        minimum: the least value.
        environment: whether `MSRL_EXT_<NAME>` sets it.
        host_key: the host's name for it, where that is another one.
        in_file: whether a YAML file may set it.
        identity: whether a resumed run must have the same value.
        group: the heading under which the help lists it.
        repeat: the flag may be given again; its values add up.
        parse: makes a value of the text of a flag, variable or file (of a list of texts with
            `repeat`).
        hidden: left out of help and documentation.
    """

    help: Text
    flag: str | None = ""
    aliases: tuple[str, ...] = ()
    metavar: str | None = None
    choices: tuple[Any, ...] = ()
    minimum: float | None = None
    environment: bool = False
    host_key: str = ""
    in_file: bool = True
    identity: bool = True
    group: str = ""
    repeat: bool = False
    parse: Callable[[Any], Any] | None = None
    hidden: bool = False


class Declared(NamedTuple):
    """An option with what its field says of it."""

    name: str
    hint: Any
    default: Any
    option: Option

    @property
    def kind(self) -> Any:
        """The annotation without None: `int` of `int | None`."""
        inner = [hint for hint in get_args(self.hint) if hint is not NoneType]
        optional = NoneType in get_args(self.hint)
        return inner[0] if optional and len(inner) == 1 else self.hint

    @property
    def flag(self) -> str | None:
        """The flag; a positional argument has no hyphens, and None is none at all."""
        default = "--" + self.name.replace("_", "-")
        return default if self.option.flag == "" else self.option.flag

    @property
    def variable(self) -> str:
        """The environment variable that sets it; "" where none does."""
        return ENVIRONMENT_PREFIX + self.name.upper() if self.option.environment else ""

    def from_text(self, text: str, source: str) -> Any:
        """The value that a text means, as that of an environment variable.

        Args:
            text: `1`, `true` and `yes` are true; numbers are read.
            source: where it stands, for messages.

        Raises:
            InputError: it is of another type.
        """
        try:
            if self.option.parse is not None:
                return self.option.parse([text] if self.option.repeat else text)
            if self.kind is bool:
                if text.lower() not in TRUE_WORDS + FALSE_WORDS:
                    words = ", ".join(TRUE_WORDS + FALSE_WORDS[1:])
                    raise ValueError(f"{text!r} is neither of {words}")
                return text.lower() in TRUE_WORDS
            value = self.kind(text) if self.kind in (int, float) else text
        except ValueError as error:
            raise InputError(f"{source} can't be read", found=str(error)) from error
        return _parsed(self, value, source, parse=False)

    def from_file(self, value: Any, source: str) -> Any:
        """The value that a file's value means; a text is read as that of the flag.

        Args:
            value: as YAML or JSON gives it.
            source: the file, for messages.

        Raises:
            InputError: it is of another type.
        """
        if isinstance(value, str) and self.option.parse is not None:
            return self.option.parse([value] if self.option.repeat else value)
        return convert(value, self.hint, f"{source}: {self.name}")

    @property
    def required(self) -> bool:
        """Whether it has no default."""
        return self.default is MISSING


def option(
    help: str, zh: str, *, default: Any = MISSING, default_factory: Any = MISSING, **known: Any
) -> Any:
    """A dataclass field that is an option.

    Args:
        help: what it is for, in English.
        zh: the same in Chinese.
        default: its default; a field without one is required.
        default_factory: makes the default, as in `dataclasses.field`.
        known: the other fields of `Option`.
    """
    metadata = {_KEY: Option(Text(help, zh), **known)}
    if default_factory is not MISSING:
        return field(default_factory=default_factory, metadata=metadata)
    return field(default=default, metadata=metadata)


def declared_options(kind: type) -> Mapping[str, Declared]:
    """The options of a dataclass by name, in the order of its fields."""
    hints = get_type_hints(kind)
    found = {}
    for one in fields(kind):
        if _KEY in one.metadata:
            made = one.default_factory() if one.default_factory is not MISSING else one.default
            found[one.name] = Declared(one.name, hints[one.name], made, one.metadata[_KEY])
    return found


def add_options(
    parser: argparse.ArgumentParser,
    kind: type,
    *,
    language: Language = DEFAULT_LANGUAGE,
    names: Sequence[str] | None = None,
) -> None:
    """Adds a flag for each option; one that is not given is absent from the namespace.

    Args:
        parser: where to add.
        kind: the dataclass.
        language: of the help.
        names: the options to add; all where None.
    """
    groups: dict[str, Any] = {"": parser}
    for name, one in declared_options(kind).items():
        if one.flag is None or (names is not None and name not in names):
            continue
        title = one.option.group
        if title not in groups:
            groups[title] = parser.add_argument_group(title)
        flags = (one.flag, *one.option.aliases)
        dest = {"dest": name} if one.flag.startswith("-") else {}
        words = flags if dest else (name,)
        groups[title].add_argument(*words, **dest, **_argument(one, language))


def _argument(one: Declared, language: Language) -> dict[str, Any]:
    text = argparse.SUPPRESS if one.option.hidden else one.option.help.in_language(language)
    given: dict[str, Any] = {"default": argparse.SUPPRESS, "help": text.replace("%", "%%")}
    if one.option.hidden:
        given["help"] = argparse.SUPPRESS
    if one.kind is bool:
        return {**given, "action": "store_true"}
    if one.option.metavar:
        given["metavar"] = one.option.metavar
    if one.option.choices:
        given["choices"] = one.option.choices
    if one.kind in (int, float) and one.option.parse is None:
        given["type"] = one.kind
    if one.option.repeat:
        given["action"] = "append"
    elif get_origin(one.kind) is tuple and one.option.parse is None:
        given["nargs"] = "*"
    return given


def given_options(kind: type, args: argparse.Namespace) -> dict[str, Any]:
    """The options that a command line names, as values.

    Raises:
        InputError: a value that can't be read.
    """
    found = {}
    for name, one in declared_options(kind).items():
        if hasattr(args, name):
            found[name] = _parsed(one, getattr(args, name), one.flag or name)
    return found


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


def _parsed(one: Declared, value: Any, source: str, *, parse: bool = True) -> Any:
    if parse and one.option.parse is not None:
        return one.option.parse(value)
    if _is_table(one.kind) and isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError as error:
            raise InputError(f"{source} is not JSON", found=value, expected="{...}") from error
    return convert(value, one.hint, source)


def _is_table(kind: Any) -> bool:
    return kind is dict or get_origin(kind) in (dict, Mapping) or get_origin(kind) is Mapping


def build_options(kind: type[T], *layers: tuple[str, Mapping[str, Any]]) -> T:
    """Builds the dataclass from layers of values; a later layer wins over an earlier one.

    Args:
        kind: the dataclass.
        layers: a source for messages, such as a file's path, and its values by name.

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
        raise InputError(
            f"missing {', '.join(missing)}", remedy="give the flags, or name a --config"
        )
    return kind(**merged)


def check_options(options: Any) -> None:
    """Checks each value against its option's choices and minimum; for `__post_init__`.

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
        least = one.option.minimum
        if least is not None and isinstance(value, int | float) and value < least:
            raise InputError(f"{name} must be at least {least:g}", found=str(value))


def identity_of(options: Any) -> dict[str, Any]:
    """What a resumed run must have alike, as JSON values by name."""
    known = declared_options(type(options))
    return {n: plain_value(getattr(options, n)) for n, one in known.items() if one.option.identity}


def to_json(options: Any) -> str:
    """The options as text for another process of ours."""
    return json.dumps(
        {n: plain_value(getattr(options, n)) for n in declared_options(type(options))}
    )


def from_json(kind: type[T], text: str) -> T:
    """The options that `to_json` wrote.

    Raises:
        InputError: the text is of other options.
    """
    return build_options(kind, ("options of another process", json.loads(text)))


def plain_value(value: Any) -> Any:
    """A value of an option as JSON writes it."""
    if is_dataclass(value) and not isinstance(value, type):
        return identity_of(value)
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, tuple | list):
        return [plain_value(one) for one in value]
    if isinstance(value, Mapping):
        return {str(key): plain_value(one) for key, one in value.items()}
    return value
