"""YAML without surprises, with the line of every key: one reader for all parts.

Covers: YAML 1.1 with the floats that omegaconf reads (`1e-6` is a number); a key that stands twice
in one table, an anchor that holds itself, a tab in the indentation: each an error with its line.
PyYAML is imported with the first text: without a file to read nothing needs it.
Does not cover: interpolation: `${...}` stays text.

Example:
    >>> document = parse_yaml("a:\\n  b: 1e-6\\n", Path("x.yaml"))
    >>> document.value, str(document.place("a", "b"))
    ({'a': {'b': 1e-06}}, 'x.yaml:2 a.b')
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mindspeed_rl_ext.core.errors import InputError
from mindspeed_rl_ext.core.rules import Place

if TYPE_CHECKING:
    import yaml  # when there is a file to read, not before

KeyPath = tuple[str, ...]
_MAX_DEPTH = 50
_FLOAT = re.compile(
    r"[-+]?(?:[0-9][0-9_]*\.[0-9_]*(?:[eE][-+]?[0-9]+)?|[0-9][0-9_]*[eE][-+]?[0-9]+"
    r"|\.[0-9][0-9_]*(?:[eE][-+]?[0-9]+)?|\.inf|\.Inf|\.INF|\.nan|\.NaN|\.NAN)$"
)


@dataclass(frozen=True)
class Document:
    """One file.

    Args:
        path: the file, as the user named it.
        value: what it holds.
        lines: path of keys to line, from 1.
    """

    path: Path
    value: Any
    lines: Mapping[KeyPath, int] = field(default_factory=dict)

    def place(self, *keys: str) -> Place:
        """Where a key is; the nearest key around it where it is not there."""
        line = next(
            (self.lines[keys[:n]] for n in range(len(keys), 0, -1) if keys[:n] in self.lines), 0
        )
        return Place(str(self.path), ".".join(keys), line)

    def table(self, *keys: str) -> Mapping[str, Any]:
        """The table at a path of keys; empty where there is none."""
        here = self.value
        for key in keys:
            here = here.get(key) if isinstance(here, Mapping) else None
        return here if isinstance(here, Mapping) else {}


def read_yaml(path: Path) -> Document:
    """Reads a YAML file that must be a table of keys.

    Raises:
        InputError: no such file, not UTF-8, not YAML, a key that stands twice, not a table.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise InputError(f"no file {path}", remedy="check the path") from None
    except IsADirectoryError:
        raise InputError(f"{path} is a directory", expected="a YAML file") from None
    except UnicodeDecodeError as error:
        raise InputError(
            f"{path} is not readable YAML: it is not UTF-8",
            found=str(error),
            remedy="save it as UTF-8",
        ) from error
    document = parse_yaml(text, path)
    if not isinstance(document.value, Mapping):
        found = "nothing" if document.value is None else f"a {type(document.value).__name__}"
        raise InputError(f"{path} is not a table of keys", found=found, expected="key: value")
    return document


def parse_yaml(text: str, path: Path) -> Document:
    """The document of a text; `path` is for messages.

    Raises:
        InputError: not YAML, a key that stands twice.
    """
    import yaml

    loader = _loader()(text)
    try:
        root = loader.get_single_node()
        lines = dict(_lines(root, (), path, frozenset())) if root is not None else {}
        value = loader.construct_document(root) if root is not None else None
    except yaml.YAMLError as error:
        raise _not_yaml(error, text, path) from error
    finally:
        loader.dispose()
    return Document(path, value, lines)


@functools.cache
def _loader() -> Any:
    """PyYAML's safe loader, with the floats of YAML 1.2."""
    import yaml

    kind: Any = type("Loader", (getattr(yaml, "CSafeLoader", yaml.SafeLoader),), {})
    kind.add_implicit_resolver("tag:yaml.org,2002:float", _FLOAT, list("-+0123456789."))
    return kind


def _lines(
    node: yaml.Node, above: KeyPath, path: Path, around: frozenset[int]
) -> Iterator[tuple[KeyPath, int]]:
    import yaml

    if id(node) in around or len(above) > _MAX_DEPTH:
        raise InputError(
            f"{path}:{node.start_mark.line + 1} is nested without end",
            found="an anchor that holds itself" if id(node) in around else f"depth {len(above)}",
            remedy="remove that anchor",
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
                f"{path}, line {line}: the key {name!r} stands twice",
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
        remedy="replace the tabs by spaces" if tab else "correct that line",
    )
