"""The source files of a host, found and read without importing anything.

Covers: modules in the folders of a host's package, scripts beside it, who calls what.
Does not cover: a host inside a zip archive.
"""

from __future__ import annotations

import ast
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from mindspeed_rl_ext.hosts.point import Caller, Point

_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef)
Names = Mapping[str, Sequence[str]]


def source_file(module: str, folders: Iterable[str]) -> str | None:
    """The file of a host module in a package's folders.

    Args:
        module: full name.
        folders: where the host's top-level package lies.
    """
    inner = module.split(".")[1:]
    for folder in folders:
        stem = os.path.join(folder, *inner)
        for path in (stem + ".py", os.path.join(stem, "__init__.py")):
            if os.path.isfile(path):
                return path
    return None


def read_source(path: str) -> str:
    """The text of a source file, whatever bytes are in it."""
    with open(path, encoding="utf-8", errors="replace") as file:
        return file.read()


def uncalled(point: Point, folders: Iterable[str]) -> str:
    """Why this host never reaches what a point touches; "" where it does, or where none can tell.

    Args:
        point: a point whose probe holds.
        folders: where the host's top-level package lies.
    """
    places = list(folders)
    if not point.callers or not places:
        return ""
    found = [_calls(caller, point, places) for caller in point.callers]
    if any(one is not False for one in found):
        return ""
    return "; ".join(caller.describe("does not call it") for caller in point.callers)


def _calls(caller: Caller, point: Point, folders: list[str]) -> bool | None:
    """Whether the caller reaches the point's module; None where that text can't be looked at."""
    if caller.script:
        # A host that was installed from a wheel has no scripts beside it: nothing can be concluded.
        beside = [os.path.dirname(os.path.abspath(folder)) for folder in folders]
        if not any(os.path.isfile(os.path.join(folder, "setup.py")) for folder in beside):
            return None
        paths = [os.path.join(folder, caller.script) for folder in beside]
        found = next((path for path in paths if os.path.isfile(path)), None)
    else:
        found = source_file(caller.module or point.module, folders)
    if found is None:
        return False
    text = read_source(found)
    if re.search(caller.calls, text) is None:
        return False
    return bool(caller.script) or reaches(caller, point, text, folders)


def reaches(caller: Caller, point: Point, text: str, folders: list[str]) -> bool:
    """Whether a call in the text can mean the function of the point's module, by its imports.

    Args:
        text: source of the caller's module.
    """
    try:
        tree = ast.parse(text)
    except SyntaxError:
        return True  # the probe of the module says what is wrong
    here = caller.module or point.module
    # What is set in a module is what its own functions find, whatever it has imported before.
    imported = {} if here == point.module else _imports(tree, here)
    return any(
        _reaches(full, point.module, folders)
        for name, full in _called(tree, here, imported)
        if re.search(caller.calls, f"{name}(")
    )


def _called(node: ast.AST, module: str, known: Names) -> Iterator[tuple[str, str]]:
    """Each call of a scope and of those inside it: the name, and what full name it stands for."""
    for child in _of_scope(node):
        if isinstance(child, _SCOPES):
            yield from _called(child, module, {**known, **_imports(child, module)})
        elif isinstance(child, ast.Call) and isinstance(child.func, ast.Name):
            name = child.func.id
            yield from ((name, full) for full in known.get(name, [f"{module}.{name}"]))
        elif isinstance(child, ast.Call) and isinstance(child.func, ast.Attribute):
            base = _dotted(child.func.value)
            first, dot, rest = base.partition(".")
            name = child.func.attr
            yield from ((name, f"{full}{dot}{rest}.{name}") for full in known.get(first, [first]))


def _of_scope(node: ast.AST) -> Iterator[ast.AST]:
    """The nodes of a scope; functions in it, not what is in them."""
    for child in ast.iter_child_nodes(node):
        yield child
        if not isinstance(child, _SCOPES):
            yield from _of_scope(child)


def _imports(scope: ast.AST, module: str) -> dict[str, list[str]]:
    """What each name that a scope imports may stand for, as full names."""
    found: dict[str, list[str]] = {}
    for node in _of_scope(scope):
        if isinstance(node, ast.Import):
            for one in node.names:
                if one.asname:
                    found.setdefault(one.asname, []).append(one.name)
        elif isinstance(node, ast.ImportFrom):
            above = module.split(".")[: -node.level] if node.level else []
            source = ".".join([*above, *([node.module] if node.module else [])])
            for one in node.names:
                found.setdefault(one.asname or one.name, []).append(f"{source}.{one.name}")
    return found


def _dotted(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return f"{_dotted(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""


def _reaches(full: str, target: str, folders: list[str], depth: int = 4) -> bool:
    """Whether a full name stands for one of the target module, through re-exports of the host.

    True where it can't be told: an attribute of an object, or code that lies elsewhere.
    """
    module, _, name = full.rpartition(".")
    path = source_file(module, folders) if module else None
    if module == target or path is None or not depth:
        return True
    try:
        exported = _imports(ast.parse(read_source(path)), module).get(name, ())
    except SyntaxError:
        return True
    return any(_reaches(one, target, folders, depth - 1) for one in exported)
