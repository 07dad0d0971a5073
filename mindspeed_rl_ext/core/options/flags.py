"""Options as flags of a command line, both ways.

Does not cover: what a command does with them.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from typing import Any, get_origin

from mindspeed_rl_ext.core.catalog import translate
from mindspeed_rl_ext.core.language import Language, current_language
from mindspeed_rl_ext.core.options.declaration import Declared, declared_options, parse_value
from mindspeed_rl_ext.core.options.values import plain


def add_options(
    parser: argparse.ArgumentParser,
    kind: type,
    *,
    language: Language | None = None,
    names: Sequence[str] | None = None,
) -> None:
    """Adds a flag for each option; one that is not given is absent from the namespace.

    Args:
        parser: where to add.
        kind: the dataclass.
        language: of the help; that of the process where None.
        names: the options to add; all where None.
    """
    language = language or current_language()
    groups: dict[str, Any] = {"": parser}
    for name, one in declared_options(kind).items():
        if one.flag is None or (names is not None and name not in names):
            continue
        title = one.option.group
        if title not in groups:
            groups[title] = parser.add_argument_group(translate(title, language))
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
    if one.option.bare is not None:
        given |= {"nargs": "?", "const": one.option.bare}
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
            found[name] = parse_value(one, getattr(args, name), one.flag or name)
    return found


def flags_of(options: Any) -> list[str]:
    """The words of a command line that gives these options; those at their default are left out.

    Example:
        >>> from dataclasses import dataclass
        >>> from mindspeed_rl_ext.core.options import option
        >>> @dataclass
        ... class Options:
        ...     limit: int = option("rows to read", "读取的行数", default=5)
        ...     quiet: bool = option("no progress", "不显示进度", default=False)
        >>> flags_of(Options(limit=3))
        ['--limit', '3']
    """
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
            words += [*flag, json.dumps(plain(value), ensure_ascii=False)]
        else:
            words += [*flag, *map(str, value if isinstance(value, tuple) else (value,))]
    return words
