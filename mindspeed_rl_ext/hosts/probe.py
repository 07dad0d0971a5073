"""Whether a host module has what a point needs, by attributes and signatures.

Covers: imported modules (`misfits`) and source text of modules that are not (`source_misfits`).
Does not cover: version strings; functions are what a point depends on.

Example:
    >>> source_misfits("def verifier(responses, config): ...", (Expect("verifier", ("labels",)),))
    ['verifier(responses, config), not verifier(labels, ...)']
"""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterable, Iterator
from types import CodeType, ModuleType
from typing import Any

from mindspeed_rl_ext.hosts.point import Expect

_Parts = tuple[list[str], frozenset[str]]  # parameters without self, string constants


def misfits(module: ModuleType, probe: Iterable[Expect]) -> list[str]:
    """What of a probe does not hold in an imported module; empty where it fits."""
    return [text for expect in probe for text in _compare(expect, _of_object(module, expect))]


def source_misfits(source: str, probe: Iterable[Expect]) -> list[str]:
    """The same from the text of a module, without running it."""
    try:
        top = ast.parse(source).body
    except SyntaxError as error:
        return [f"source does not parse: {error}"]
    return [text for expect in probe for text in _compare(expect, _of_source(top, expect))]


def names_in_table(function: Any) -> list[str]:
    """The string keys of the tables that map names to functions in a host function's source.

    Empty where the source cannot be read: the names are for messages, not for decisions.
    """
    try:
        source = inspect.getsource(inspect.unwrap(function))
        tree = ast.parse(inspect.cleandoc("\n" + source))
    except (OSError, TypeError, SyntaxError):
        return []
    return [
        key.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Dict) and all(isinstance(v, ast.Name) for v in node.values)
        for key in node.keys
        if isinstance(key, ast.Constant) and isinstance(key.value, str)
    ]


def _compare(expect: Expect, parts: _Parts | None) -> Iterator[str]:
    if parts is None:
        yield f"no {' or '.join(expect.attributes)}"
        return
    parameters, constants = parts
    if tuple(parameters[: len(expect.parameters)]) != expect.parameters:
        yield f"{expect.attribute}({', '.join(parameters)}), not {expect.describe()}"
    for text in expect.constants:
        if text not in constants:
            yield f"{expect.attribute} does not contain {text!r}"
    for text in expect.no_constants:
        if text in constants:
            yield f"{expect.attribute} contains {text!r}"


def _of_object(module: ModuleType, expect: Expect) -> _Parts | None:
    there = (getattr(module, name, None) for name in expect.attributes)
    thing = next((one for one in there if one is not None), None)
    if not callable(thing):
        return None
    try:
        parameters = list(inspect.signature(thing).parameters)
    except (TypeError, ValueError):
        return None
    code = getattr(inspect.unwrap(thing), "__code__", None)
    return parameters, frozenset(_code_constants(code)) if code else frozenset()


def _code_constants(code: CodeType) -> Iterator[str]:
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _code_constants(constant)
        else:
            parts = constant if isinstance(constant, tuple) else (constant,)
            yield from (part for part in parts if isinstance(part, str))


def _of_source(top: list[ast.stmt], expect: Expect) -> _Parts | None:
    named = [
        node
        for node in top
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and node.name in expect.attributes
    ]
    if not named:
        return None
    node: ast.stmt = named[-1]
    own = [n for n in ast.walk(node) if isinstance(n, ast.Constant) and isinstance(n.value, str)]
    constants = frozenset(str(constant.value) for constant in own)
    if isinstance(node, ast.ClassDef):
        inits = [n for n in node.body if isinstance(n, ast.FunctionDef) and n.name == "__init__"]
        return ([], constants) if not inits else (_parameters(inits[-1])[1:], constants)
    assert isinstance(node, ast.FunctionDef)
    return _parameters(node), constants


def _parameters(function: ast.FunctionDef) -> list[str]:
    args = function.args
    named = [*args.posonlyargs, *args.args, *([args.vararg] if args.vararg else [])]
    return [a.arg for a in [*named, *args.kwonlyargs, *([args.kwarg] if args.kwarg else [])]]
