"""How a verifier is written: `name` or `name(key=value, ...)`, alike in YAML, CLI and Python.

Covers: reading one spec, and splitting a list of specs at the commas outside parentheses. Values
are Python literals and nothing else, so no text of a config is ever executed.
Does not cover: whether the name or the parameters exist; `api.resolve` checks that.

Example:
    >>> parse_spec("overlong(max_tokens=2048)")
    Spec(name='overlong', parameters={'max_tokens': 2048})
    >>> split_specs("simplerl, overlong(max_tokens=2048, buffer=512)")
    ['simplerl', 'overlong(max_tokens=2048, buffer=512)']
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mindspeed_rl_ext.core.errors import InputError

MAX_SPEC_CHARS = 2000
_OPEN, _CLOSE = "([{", ")]}"


@dataclass(frozen=True)
class Spec:
    """A verifier's name and the parameters it is asked for with."""

    name: str
    parameters: Mapping[str, Any] = field(default_factory=dict)


def parse_spec(text: str) -> Spec:
    """Reads `name` or `name(key=value, ...)`.

    Raises:
        InputError: it is neither, a value is not a literal, or a value has no key.
    """
    call = _parse(text)
    if isinstance(call, ast.Name):
        return Spec(call.id)
    if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Name):
        raise _unreadable(text, "not a name with parameters")
    name = call.func.id
    if call.args or any(word.arg is None for word in call.keywords):
        raise _unreadable(text, "a parameter without a key")
    parameters: dict[str, Any] = {}
    for word in call.keywords:
        key = str(word.arg)
        try:
            parameters[key] = ast.literal_eval(word.value)
        except (ValueError, TypeError, SyntaxError, RecursionError) as error:
            raise InputError(
                f"verifier {name!r}: the value of {key!r} is not a literal",
                found=ast.unparse(word.value),
                expected="a number, a string in quotes, True, False, None, or a list of these",
                remedy=f'for text write {key}="..."',
            ) from error
    return Spec(name, parameters)


def split_specs(text: str) -> list[str]:
    """Splits a list of specs at commas that stand outside brackets and quotes."""
    parts, start, depth, quote = [], 0, 0, ""
    for index, char in enumerate(text):
        if quote:
            quote = "" if char == quote else quote
        elif char in "\"'":
            quote = char
        elif char in _OPEN:
            depth += 1
        elif char in _CLOSE:
            depth -= 1
        elif char == "," and depth == 0:
            parts.append(text[start:index])
            start = index + 1
    parts.append(text[start:])
    return [part.strip() for part in parts if part.strip()]


def _parse(text: str) -> ast.expr:
    if not isinstance(text, str):
        raise InputError(
            "a verifier is not written as text",
            found=repr(text),
            expected='"name" or "name(key=value)"',
            remedy="write each verifier as a string",
        )
    if len(text) > MAX_SPEC_CHARS:
        raise _unreadable(text[:60] + "...", f"{len(text)} characters")
    try:
        return ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise _unreadable(text, str(error)) from error


def _unreadable(text: str, found: str) -> InputError:
    return InputError(
        f"unreadable verifier {text!r}",
        found=found,
        expected="name or name(key=value, key=value)",
        remedy='for example "overlong(max_tokens=2048)"; positional values are not accepted',
    )
