"""Reads a YAML file as hydra would, with the line of every key.

Covers: YAML 1.1 with the floats that omegaconf reads (`1e-6` is a number), repeated keys, tabs.
Does not cover: interpolation: `${...}` stays text, and checks leave such values alone.

Example:
    >>> document = parse("a:\\n  b: 1e-6\\n", Path("x.yaml"))
    >>> document.value, str(document.place("a", "b"))
    ({'a': {'b': 1e-06}}, 'x.yaml:2 a.b')
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import yaml

from mindspeed_rl_ext.core.errors import InputError
from mindspeed_rl_ext.doctor.document import Document, KeyPath

_FLOAT = re.compile(
    r"[-+]?(?:[0-9][0-9_]*\.[0-9_]*(?:[eE][-+]?[0-9]+)?|[0-9][0-9_]*[eE][-+]?[0-9]+"
    r"|\.[0-9][0-9_]*(?:[eE][-+]?[0-9]+)?|\.inf|\.Inf|\.INF|\.nan|\.NaN|\.NAN)$"
)
MAX_DEPTH = 50


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """PyYAML's safe loader, with the floats of YAML 1.2."""


_Loader.add_implicit_resolver("tag:yaml.org,2002:float", _FLOAT, list("-+0123456789."))


def read(path: Path) -> Document:
    """Reads a YAML file that must be a table of keys.

    Raises:
        InputError: no such file, not UTF-8, not YAML, a repeated key, not a table.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise InputError(f"no file {path}", remedy="check the path") from None
    except IsADirectoryError:
        raise InputError(f"{path} is a directory", expected="a YAML file") from None
    except UnicodeDecodeError as error:
        raise InputError(
            f"{path} is not UTF-8", found=str(error), remedy="save it as UTF-8"
        ) from error
    document = parse(text, path)
    if not isinstance(document.value, Mapping):
        found = "nothing" if document.value is None else f"a {type(document.value).__name__}"
        raise InputError(f"{path} is not a table of keys", found=found, expected="key: value")
    return document


def parse(text: str, path: Path) -> Document:
    """The document of a text; `path` is for messages."""
    loader = _Loader(text)
    try:
        root = loader.get_single_node()
        lines = dict(_lines(root, (), path, frozenset())) if root is not None else {}
        value = loader.construct_document(root) if root is not None else None
    except yaml.YAMLError as error:
        raise _not_yaml(error, text, path) from error
    finally:
        loader.dispose()
    return Document(path, value, lines)


def _lines(
    node: yaml.Node, above: KeyPath, path: Path, around: frozenset[int]
) -> Iterator[tuple[KeyPath, int]]:
    if id(node) in around or len(above) > MAX_DEPTH:
        raise InputError(
            f"{path}:{node.start_mark.line + 1} is nested without end",
            found="an anchor that holds itself" if id(node) in around else f"depth {len(above)}",
            remedy="mend that anchor",
        )
    around |= {id(node)}
    if isinstance(node, yaml.SequenceNode):
        for number, inner in enumerate(node.value):
            yield from _lines(inner, (*above, str(number)), path, around)
    if not isinstance(node, yaml.MappingNode):
        return
    seen: dict[str, int] = {}
    for key, inner in node.value:
        name, line = str(key.value), key.start_mark.line + 1
        if name in seen and name != "<<":
            raise InputError(
                f"{path}: the key {name!r} stands there twice",
                found=f"lines {seen[name]} and {line}",
                remedy="keep one of them",
            )
        seen[name] = line
        yield (*above, name), line
        yield from _lines(inner, (*above, name), path, around)


def _not_yaml(error: yaml.YAMLError, text: str, path: Path) -> InputError:
    mark = getattr(error, "problem_mark", None)
    line = mark.line + 1 if mark else 0
    rows = text.splitlines()
    problem = str(getattr(error, "problem", None) or error)
    here = rows[line - 1] if 0 < line <= len(rows) else ""
    tab = "\t" in here[: len(here) - len(here.lstrip())]
    return InputError(
        f"{path}{f':{line}' if line else ''} is not readable YAML",
        found="a tab in the indentation" if tab else problem,
        expected="spaces for indentation" if tab else "",
        remedy="replace the tabs by spaces" if tab else "mend that line",
    )
