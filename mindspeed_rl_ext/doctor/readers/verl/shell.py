"""A shell script as one can read it without running it: assignments, arrays, commands.

Covers: `${NAME:-default}`, `$((1024 * 2))`, arrays and `+=`; what stands in a branch (`if`, `case`,
loops, functions, behind `&&`) is conditional.
Does not cover: what a command prints, text operators of the shell: such a value is open, and
nothing is found out about it.

Example:
    >>> [run] = read_commands("N=${N:-8}\\nx -m trainer n=$N \\\\\\n  lr=1e-6 # low", "trainer")
    >>> [(word.text, word.line) for word in run.words[-2:]]
    [('n=8', 2), ('lr=1e-6', 3)]
"""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from mindspeed_rl_ext.doctor.readers.verl.shell_words import (
    ASSIGN,
    NAME,
    Token,
    statements,
    tokens_of,
)

# Stands in a text where a part of it is open.
OPEN = "\0"
_ELEMENTS = re.compile(r"([A-Za-z_]\w*)\[[@*]\]")
_DEFAULT = re.compile(r"([A-Za-z_]\w*)(:?)([-=+?])(.*)", re.S)
_OPENING, _CLOSING = ("if", "case", "for", "while", "until"), ("fi", "esac", "done")
_LEADING = ("then", "else", "do", "elif", "!")
_EXPORTING = ("export", "declare", "readonly", "local")
_OPERATORS: Mapping[type[ast.operator], Callable[[int, int], int]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.FloorDiv: operator.floordiv,
    ast.Div: operator.floordiv,
    ast.Mod: operator.mod,
}


@dataclass(frozen=True)
class Word:
    """One word of a command.

    Args:
        text: it, with its variables; None where one of them is open.
        line: from 1.
        conditional: whether it is there in some branches only.
        raw: it as it is written.
    """

    text: str | None
    line: int
    conditional: bool
    raw: str


@dataclass(frozen=True)
class Command:
    """A command that names the program that was looked for.

    Args:
        words: all of it.
        complete: whether no more words may hide in a variable that a branch sets.
        variables: what the script has set when it runs, with `OPEN` for what is not known.
        exported: names that are exported.
    """

    words: tuple[Word, ...]
    complete: bool
    variables: Mapping[str, Any]
    exported: frozenset[str]


@dataclass
class _State:
    """What is known while a script is read from top to bottom."""

    values: dict[str, Any] = field(default_factory=dict)
    exported: set[str] = field(default_factory=set)
    depth: int = 0
    hidden: bool = False


def read_commands(text: str, program: str) -> list[Command]:
    """The commands of a script that name a program.

    Args:
        text: the script.
        program: a regular expression that one of their words matches.
    """
    state, found = _State(), []
    for tokens, behind in statements(text):
        state.hidden = False
        command = _read(tokens, behind, state)
        if any(re.search(program, word.raw) for word in command):
            variables, exported = dict(state.values), frozenset(state.exported)
            found.append(Command(tuple(command), not state.hidden, variables, exported))
    return found


def _read(tokens: list[Token], behind: bool, state: _State) -> list[Word]:
    """Takes up what a statement sets; returns its words where it is a command."""
    while tokens and tokens[0].raw in (*_LEADING, *_OPENING, *_CLOSING, "{", "}"):
        head = tokens[0].raw
        state.depth += (head in (*_OPENING, "{")) - (head in (*_CLOSING, "}"))
        tokens = tokens[1:]
        if head in ("case", "for"):
            return []
    conditional = state.depth > 0 or behind
    export = bool(tokens) and tokens[0].raw in _EXPORTING
    rest = tokens[1:] if export else tokens
    assigned = [match for token in rest if (match := ASSIGN.match(token.raw))]
    if rest and (export or len(assigned) == len(rest)):
        for token in rest:
            _assign(token, state, conditional, export)
        return []
    return [word for token in tokens for word in _expanded(token, state, conditional)]


def _assign(token: Token, state: _State, conditional: bool, export: bool) -> None:
    match = ASSIGN.match(token.raw)
    name = match.group(1) if match else token.raw
    if export:
        state.exported.add(name)
    if match is None:
        return
    old = state.values.get(name)
    if token.array is not None:
        words = [word for one in token.array for word in _expanded(one, state, conditional)]
        kept = list(old) if isinstance(old, list) else []
        if conditional and not match.group(2):
            kept = [replace(word, conditional=True) for word in kept]
        state.values[name] = [*(kept if match.group(2) or conditional else []), *words]
        return
    value = _text(_without(token.parts, match.end()), state.values)
    if match.group(2):
        value = (old if isinstance(old, str) else OPEN) + value
    state.values[name] = value if not conditional or value == old else OPEN


def _without(parts: tuple[tuple[str, str], ...], count: int) -> tuple[tuple[str, str], ...]:
    """The parts behind the first characters, which are text."""
    kind, text = parts[0]
    return ((kind, text[count:]), *parts[1:])


def _expanded(token: Token, state: _State, conditional: bool) -> Iterator[Word]:
    text = _text(token.parts, state.values)
    if len(token.parts) == 1 and token.parts[0][0] == "variable":
        match = _ELEMENTS.fullmatch(token.parts[0][1])
        name = match.group(1) if match else token.parts[0][1]
        held = state.values.get(name)
        if isinstance(held, list):
            for word in held:
                yield replace(word, conditional=word.conditional or conditional)
            return
        state.hidden = state.hidden or (held is not None and text == OPEN)
        if token.raw[:1] not in "'\"" and " " in text.strip():
            # The shell splits what stands without quotes.
            for part in text.split():
                yield Word(None if OPEN in part else part, token.line, conditional, part)
            return
    yield Word(None if OPEN in text else text, token.line, conditional, token.raw)


def _text(parts: tuple[tuple[str, str], ...], values: Mapping[str, Any]) -> str:
    return "".join(text if kind == "text" else _value(kind, text, values) for kind, text in parts)


def _value(kind: str, expression: str, values: Mapping[str, Any]) -> str:
    if kind == "open":
        return OPEN
    if kind == "sum":
        return _sum(expression, values)
    if NAME.fullmatch(expression):
        held = values.get(expression)
        return held if isinstance(held, str) else OPEN
    match = _DEFAULT.fullmatch(expression)
    if match is None or match.group(3) not in "-=":
        return OPEN
    name, colon, _, default = match.groups()
    held = values.get(name)
    if isinstance(held, list) or (isinstance(held, str) and OPEN in held):
        return OPEN
    if isinstance(held, str) and (held or not colon):
        return held
    tokens = list(tokens_of(default))
    return _text(tokens[0].parts, values) if tokens else ""


def _sum(expression: str, values: Mapping[str, Any]) -> str:
    """The whole number that `$((...))` gives; `OPEN` where it is not known."""
    names = {name: values.get(name) for name in NAME.findall(expression.replace("$", ""))}
    if not all(isinstance(value, str) and re.fullmatch(r"\d+", value) for value in names.values()):
        return OPEN
    spelled = re.sub(r"\$?\{?\b([A-Za-z_]\w*)\b\}?", lambda m: str(names[m.group(1)]), expression)
    try:
        return str(_computed(ast.parse(spelled.strip(), mode="eval").body))
    except (SyntaxError, ValueError, ZeroDivisionError):
        return OPEN


def _computed(node: ast.expr) -> int:
    if isinstance(node, ast.Constant) and isinstance(node.value, int):
        return node.value
    if isinstance(node, ast.BinOp) and type(node.op) in _OPERATORS:
        return _OPERATORS[type(node.op)](_computed(node.left), _computed(node.right))
    raise ValueError("not a sum of whole numbers")
