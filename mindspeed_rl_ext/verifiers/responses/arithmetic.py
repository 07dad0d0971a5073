r"""Exact arithmetic over integer literals, read by a parser of our own; nothing is ever executed.

Covers: `+ - * / ( ) [ ] { }`, unary signs, `×`, `÷`, `·`, `x` between numbers, `\times`, `\div`,
`\cdot`, `\frac{a}{b}` and its variants; exact fractions; length, digits and literals bounded. The
parser keeps its own stack, so nesting is bounded by the length only.
Does not cover: powers, factorials, floor division, decimals, implied products: each is refused
with a reason.

Example:
    >>> evaluate(r"\frac{1}{3} \times 3")
    Evaluated(value=Fraction(1, 1), literals=(1, 3, 3))
    >>> evaluate("2**3")
    Refused(reason='two operators in a row: * *')
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from fractions import Fraction

MAX_CHARS = 4000
MAX_DIGITS = 30

_TOKEN = re.compile(
    r"(?P<space>\s+|\\[,;:! ]|\\left|\\right)"
    r"|(?P<number>[0-9]+)"
    r"|(?P<frac>\\[dt]?frac(?![A-Za-z]))"
    r"|(?P<word>\\(?:times|cdot|div)(?![A-Za-z]))"
    r"|(?P<sign>[-+*/()\[\]{}×÷·⋅∗−xX])"
)
_OPERATORS = {
    "\\times": "*", "\\cdot": "*", "\\div": "/",
    "×": "*", "·": "*", "⋅": "*", "∗": "*", "x": "*", "X": "*", "÷": "/", "−": "-",
}  # fmt: skip
_CLOSING = {"(": ")", "[": "]", "{": "}"}
_PRECEDENCE = {"+": 1, "-": 1, "*": 2, "/": 2}


@dataclass(frozen=True)
class Evaluated:
    """The exact value of an expression and the literals in it, in order."""

    value: Fraction
    literals: tuple[int, ...]


@dataclass(frozen=True)
class Refused:
    """Why a text is no arithmetic."""

    reason: str


@dataclass
class _Frame:
    """One open bracket: what closes it, the fraction it is part of, and what was read in it."""

    closing: str
    role: str = ""  # "", "numerator" or "denominator" of a \frac
    numerator: Fraction | None = None
    values: list[Fraction] = field(default_factory=list)
    operators: list[str] = field(default_factory=list)
    signs: list[str] = field(default_factory=list)


class _RefusedError(Exception):
    """Ends the reading; never leaves this module."""


def evaluate(text: str) -> Evaluated | Refused:
    """Evaluates an arithmetic expression over whole numbers.

    Args:
        text: the expression, in plain or LaTeX notation, without dollar signs.
    """
    if len(text) > MAX_CHARS:
        return Refused(f"longer than {MAX_CHARS} characters")
    try:
        return _read(_tokens(text))
    except _RefusedError as error:
        return Refused(str(error))


def _tokens(text: str) -> list[str]:
    tokens, position = [], 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            raise _RefusedError(f"{text[position]!r} is not arithmetic over whole numbers")
        position = match.end()
        if match["frac"]:
            tokens.append("\\frac")
            position = _split_short_fraction(text, position, tokens)
        elif not match["space"]:
            token = match[0]
            tokens.append(_OPERATORS.get(token, token))
    return tokens


def _split_short_fraction(text: str, position: int, tokens: list[str]) -> int:
    r"""Writes `\frac12` and `\frac1{2}` with braces: TeX takes one digit without them."""
    for _ in range(2):
        while position < len(text) and text[position].isspace():
            position += 1
        digit = text[position : position + 1]
        if not (digit.isascii() and digit.isdigit()):
            break
        tokens += ["{", digit, "}"]
        position += 1
    return position


def _read(tokens: list[str]) -> Evaluated:
    literals: list[int] = []
    stack = [_Frame("")]
    wants_operand, wants_brace = True, ""
    for token in tokens:
        frame = stack[-1]
        if wants_brace:
            if token != "{":
                raise _RefusedError(f"\\frac without a braced {wants_brace}")
            numerator = frame.values.pop() if wants_brace == "denominator" else None
            stack.append(_Frame("}", wants_brace, numerator))
            wants_operand, wants_brace = True, ""
        elif wants_operand:
            wants_operand, wants_brace = _take_operand(token, stack, literals)
        elif token in _PRECEDENCE:
            _push_operator(frame, token)
            wants_operand = True
        elif token == frame.closing and len(stack) > 1:
            wants_brace = _close(stack)
        else:
            raise _RefusedError(f"{token!r} where an operator is expected")
    if wants_operand or wants_brace:
        raise _RefusedError("ends where a number is expected" if tokens else "empty")
    if len(stack) > 1:
        raise _RefusedError(f"{stack[-1].closing!r} is missing")
    return Evaluated(_reduce(stack[0]), tuple(literals))


def _take_operand(token: str, stack: list[_Frame], literals: list[int]) -> tuple[bool, str]:
    """Takes a token where a number may begin; returns (wants_operand, wants_brace)."""
    frame = stack[-1]
    if token in "+-":
        frame.signs.append(token)
        return True, ""
    if token in _CLOSING:
        stack.append(_Frame(_CLOSING[token]))
        return True, ""
    if token == "\\frac":
        return False, "numerator"
    if not token.isdigit():
        before = frame.operators[-1:] if frame.operators and token in _PRECEDENCE else []
        raise _RefusedError(
            f"two operators in a row: {before[0]} {token}"
            if before
            else f"{token!r} where a number is expected"
        )
    if len(token) > MAX_DIGITS:
        raise _RefusedError(f"a number of more than {MAX_DIGITS} digits")
    if len(token) > 1 and token[0] == "0":
        raise _RefusedError(f"a number with a leading zero: {token}")
    literals.append(int(token))
    _push_value(frame, Fraction(int(token)))
    return False, ""


def _close(stack: list[_Frame]) -> str:
    """Ends a bracket; returns `denominator` where a fraction still wants it."""
    closed = stack.pop()
    value = _reduce(closed)
    if closed.role == "numerator":
        stack[-1].values.append(value)
        return "denominator"
    if closed.role == "denominator" and closed.numerator is not None:
        value = _divide(closed.numerator, value)
    _push_value(stack[-1], value)
    return ""


def _push_value(frame: _Frame, value: Fraction) -> None:
    if frame.signs.count("-") % 2:
        value = -value
    frame.signs.clear()
    frame.values.append(value)


def _push_operator(frame: _Frame, operator: str) -> None:
    while frame.operators and _PRECEDENCE[frame.operators[-1]] >= _PRECEDENCE[operator]:
        _apply(frame)
    frame.operators.append(operator)


def _reduce(frame: _Frame) -> Fraction:
    while frame.operators:
        _apply(frame)
    return frame.values[-1]


def _apply(frame: _Frame) -> None:
    operator = frame.operators.pop()
    right, left = frame.values.pop(), frame.values.pop()
    if operator == "/":
        result = _divide(left, right)
    elif operator == "*":
        result = left * right
    else:
        result = left + right if operator == "+" else left - right
    frame.values.append(result)


def _divide(left: Fraction, right: Fraction) -> Fraction:
    if right == 0:
        raise _RefusedError("division by zero")
    return left / right
