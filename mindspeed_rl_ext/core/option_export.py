"""Options shown to people: the command line that gives them, the tables of the documentation.

Covers: flags for a shell, one row of a table per option.
Does not cover: declaring and reading options, `options` does.

Example:
    >>> from dataclasses import dataclass
    >>> from mindspeed_rl_ext.core.options import option
    >>> @dataclass
    ... class Options:
    ...     limit: int = option("rows to read", "读取的行数", default=5)
    >>> flags_of(Options(limit=3)), describe_options(Options)[0].help
    (['--limit', '3'], 'rows to read')
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from mindspeed_rl_ext.core.language import DEFAULT_LANGUAGE, Language
from mindspeed_rl_ext.core.options import declared_options, plain_value


class OptionRow(NamedTuple):
    """A row of a documentation's table."""

    flag: str
    key: str
    default: str
    help: str
    variable: str
    host_key: str


def flags_of(options: Any) -> list[str]:
    """The words of a command line that gives these options; those at their default are left out."""
    words: list[str] = []
    for name, one in declared_options(type(options)).items():
        value = getattr(options, name)
        if one.flag is None or value is None or value == one.default:
            continue
        flag = [one.flag] if one.flag.startswith("-") else []
        if one.kind is bool:
            words += flag
        elif isinstance(value, tuple) and one.option.repeat:
            words += [word for single in value for word in (*flag, str(single))]
        elif isinstance(value, Mapping):
            words += [*flag, json.dumps(plain_value(value), ensure_ascii=False)]
        else:
            words += [*flag, *map(str, value if isinstance(value, tuple) else (value,))]
    return words


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
