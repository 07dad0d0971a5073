"""What an option is: one field of a dataclass, with all that is known of it.

Covers: the declaration, and the rows of the documentation's tables. Does not cover: flags
(`options.flags`) and values (`options.values`).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, field, fields
from pathlib import Path
from types import NoneType
from typing import Any, NamedTuple, get_args, get_origin, get_type_hints

from mindspeed_rl_ext.core.errors import InputError
from mindspeed_rl_ext.core.language import DEFAULT_LANGUAGE, Language, Text
from mindspeed_rl_ext.core.typed import convert

ENVIRONMENT_PREFIX = "MSRL_EXT_"
TRUE_WORDS, FALSE_WORDS = ("1", "true", "yes"), ("", "0", "false", "no")
_KEY = "option"


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
        maximum: the greatest value.
        environment: whether `MSRL_EXT_<NAME>` sets it.
        host_key: the host's name for it, where that is another one.
        in_file: whether a YAML file may set it.
        identity: whether a resumed run must have the same value.
        group: the heading under which the help lists it.
        repeat: the flag may be given again; its values add up.
        bare: the value that the flag means without one; None where it must have one.
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
    maximum: float | None = None
    environment: bool = False
    host_key: str = ""
    in_file: bool = True
    identity: bool = True
    group: str = ""
    repeat: bool = False
    bare: Any = None
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
        return parse_value(self, value, source, parse=False)

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


class OptionRow(NamedTuple):
    """A row of a documentation's table."""

    flag: str
    key: str
    default: str
    help: str
    variable: str
    host_key: str


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


def parse_value(one: Declared, value: Any, source: str, *, parse: bool = True) -> Any:
    """A value of a flag as its option wants it; `source` names it in messages."""
    if parse and one.option.parse is not None:
        return one.option.parse(value)
    if _is_table(one.kind) and isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError as error:
            raise InputError(f"{source} is not JSON", found=value, expected="{...}") from error
    if one.kind is Path and value == "":  # Path("") is the current directory
        raise InputError(
            f"{source} is empty", expected="a path", remedy="look whether a shell variable is unset"
        )
    return convert(value, one.hint, source)


def _is_table(kind: Any) -> bool:
    return kind is dict or get_origin(kind) in (dict, Mapping) or get_origin(kind) is Mapping


def describe_options(kind: type, language: Language = DEFAULT_LANGUAGE) -> list[OptionRow]:
    """The rows of the documentation's table, in the order of the fields."""
    return [
        OptionRow(
            one.flag or "",
            name if one.option.in_file else "",
            "" if one.required else _shown(one.default),
            one.option.help.in_language(language),
            one.variable,
            one.option.host_key,
        )
        for name, one in declared_options(kind).items()
        if not one.option.hidden
    ]


def _shown(value: Any) -> str:
    if value is None or value == () or value is False:
        return ""
    return str(value)
