"""One value of a YAML text changed, everything else left as it stands: comments, order, endings.

Covers: block tables with scalars on the line of their key; a key that is missing is put below the
header of its table. Does not cover: tables in braces, values over several lines: both are refused.

Example:
    >>> with_value("a:\\n  b: 1  # one\\n", ("a", "b"), 2)
    'a:\\n  b: 2  # one\\n'
    >>> with_value("a:\\n  b: 1\\n", ("a", "c", "d"), "x")
    'a:\\n  c:\\n    d: x\\n  b: 1\\n'
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path

from mindspeed_rl_ext.core.errors import InputError
from mindspeed_rl_ext.core.files.yaml_file import Document, parse_yaml

Scalar = str | int | float | bool
_LINE = re.compile(
    r"^(?P<head>\s*(?P<quote>[\"']?)(?P<key>[\w-]+)(?P=quote)\s*:)(?P<gap>[ \t]*)"
    r"(?P<value>\"[^\"]*\"|'[^']*'|[^#\r\n]*?)(?P<tail>[ \t]*(?:#[^\r\n]*)?)(?P<end>\r?\n?)$"
)
_STEP = "  "


def with_value(
    text: str, path: tuple[str, ...], value: Scalar, name: Path = Path("the file")
) -> str:
    """The text with that value at that path.

    Args:
        text: a YAML file.
        path: keys from the outside in; `-` and `_` are the same.
        value: the new value.
        name: the file, for messages.

    Raises:
        InputError: the place cannot be changed line by line.
    """
    document = parse_yaml(text, name)
    spelled = _spelled(document, path)
    rows = text.splitlines(keepends=True)
    if len(spelled) == len(path):
        number = document.lines[spelled] - 1
        rows[number] = _changed(rows[number], _written(value), document, spelled)
    else:
        _insert(rows, document, spelled, path[len(spelled) :], value)
    changed = "".join(rows)
    _check(document, parse_yaml(changed, name), path, value)
    return changed


def _spelled(document: Document, path: tuple[str, ...]) -> tuple[str, ...]:
    found: tuple[str, ...] = ()
    for key in path:
        names = [str(k) for k in document.table(*found) if str(k).replace("-", "_") == key]
        if not names:
            break
        found = (*found, names[0])
    return found


def _changed(row: str, value: str, document: Document, path: tuple[str, ...]) -> str:
    match = _LINE.match(row)
    if match is None or match["value"][:1] in ("{", "[", "|", ">", "&", "*"):
        raise _cannot(document, path)
    tail = match["tail"]
    if "#" in tail:  # the comment stays in its column where there is room
        room = len(match["value"]) + tail.index("#") - len(value)
        tail = " " * max(room, 1) + tail.lstrip()
    return f"{match['head']}{match['gap'] or ' '}{value}{tail}{match['end']}"


def _insert(
    rows: list[str],
    document: Document,
    above: tuple[str, ...],
    missing: tuple[str, ...],
    value: Scalar,
) -> None:
    if not above:
        raise InputError(f"{document.path} has no part {missing[0]}", remedy=f"add {missing[0]}:")
    number = document.lines[above] - 1
    match = _LINE.match(rows[number])
    held = document.table(*above)
    if match is None or (match["value"] and (held or match["value"] not in ("null", "~", "{}"))):
        raise _cannot(document, above)
    end = match["end"] or "\n"
    rows[number] = f"{match['head']}{match['tail']}{end}"
    indent = _indent(rows, document, above, held)
    new = []
    for depth, key in enumerate(missing):
        last = depth == len(missing) - 1
        new.append(f"{indent}{_STEP * depth}{key}:{f' {_written(value)}' if last else ''}{end}")
    rows[number + 1 : number + 1] = new


def _indent(
    rows: list[str], document: Document, above: tuple[str, ...], held: Mapping[str, object]
) -> str:
    first = next(iter(held), None)
    row = rows[document.lines[(*above, str(first)) if held else above] - 1]
    own = row[: len(row) - len(row.lstrip())]
    return own if held else own + _STEP


def _written(value: Scalar) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    plain = (
        re.fullmatch(r"[\w./~-][\w./~@+=-]*", value) and parse_yaml(value, Path()).value == value
    )
    return value if plain else json.dumps(value, ensure_ascii=False)


def _check(before: Document, after: Document, path: tuple[str, ...], value: Scalar) -> None:
    spelled = _spelled(after, path)
    table = after.table(*spelled[:-1])
    if len(spelled) != len(path) or table[spelled[-1]] != value:
        raise _cannot(before, path)
    if _without(before.value, path) != _without(after.value, path):
        raise _cannot(before, path)


def _without(value: object, path: tuple[str, ...]) -> object:
    """The value without what is at the path; tables that this leaves empty are no difference."""
    if not path or not isinstance(value, Mapping):
        return value
    kept = {}
    for key, inner in value.items():
        if str(key).replace("-", "_") == path[0]:
            inner = _without(inner, path[1:]) if len(path) > 1 else None
        if inner not in (None, {}):
            kept[key] = inner
    return kept


def _cannot(document: Document, path: tuple[str, ...]) -> InputError:
    return InputError(
        f"{document.place(*path)} cannot be changed line by line",
        found="a table in braces, or a value over several lines",
        expected="key: value, one a line, tables by indentation",
        remedy="write that part one key a line",
    )
