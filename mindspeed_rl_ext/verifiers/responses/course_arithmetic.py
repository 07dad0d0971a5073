r"""Arithmetic as the course of CS336 reads it: a text that sympy would parse, without running it.

Covers: numbers, one-letter names (`ln5` is l times n times 5), `pi`, `sqrt`, `+ - * / ^`, brackets,
a product without a sign, which binds as `*` does. Does not cover: anything else, which reads as
nothing, as a text that sympy cannot parse is equal to no other.

Example:
    >>> as_latex("3/4pi"), as_latex("1=1")
    ('\\frac{3}{4}*\\pi ', None)
"""

from __future__ import annotations

import re

_TOKEN = re.compile(r"\d+\.?\d*|\.\d+|(?<![a-z])(?:sqrt|pi)(?![a-z0-9])|[a-z]|\*\*|[-+*/^()]")
# The names are renamed: e and i are plain symbols to the course.
_LETTERS = "xy"


def as_latex(text: str, letters: str = "") -> str | None:
    r"""The text with every product and group written out; None where it is no arithmetic.

    Args:
        text: one element of a normalized answer.
        letters: the letters of both sides, at most two, so that both are renamed alike.
    """
    tokens = _TOKEN.findall(text)
    if not tokens or "".join(tokens) != text:
        return None
    try:
        found = _sum(tokens, letters)
    except _SyntaxFaultError:
        return None
    return None if tokens else found


class _SyntaxFaultError(Exception):
    """A sign without its operand, or an open bracket."""


def _sum(tokens: list[str], letters: str) -> str:
    found = _product(tokens, letters)
    while tokens and tokens[0] in "+-":
        found += tokens.pop(0) + _product(tokens, letters)
    return found


def _product(tokens: list[str], letters: str) -> str:
    found = _signed(tokens, letters)
    while tokens and tokens[0] not in "+-)":
        sign = tokens.pop(0) if tokens[0] in "*/" else "*"
        factor = _signed(tokens, letters)
        found = f"\\frac{{{found}}}{{{factor}}}" if sign == "/" else f"{found}*{factor}"
    return found


def _signed(tokens: list[str], letters: str) -> str:
    if tokens and tokens[0] in "+-":
        return f"({tokens.pop(0)}{_signed(tokens, letters)})"
    return _power(tokens, letters)


def _power(tokens: list[str], letters: str) -> str:
    base = _atom(tokens, letters)
    if tokens and tokens[0] in ("^", "**"):
        tokens.pop(0)
        return f"{{{base}}}^{{{_signed(tokens, letters)}}}"
    return base


def _atom(tokens: list[str], letters: str) -> str:
    token = tokens.pop(0) if tokens else ""
    if token == "(":
        return f"({_closed(tokens, letters)})"
    if token == "sqrt" and tokens[:1] == ["("]:
        del tokens[0]
        return f"\\sqrt{{{_closed(tokens, letters)}}}"
    if token == "pi":
        return "\\pi "
    if token.isalpha() and len(token) == 1:
        return _LETTERS[letters.index(token)] if token in letters[:2] else token
    if token[:1].isdigit() or token.startswith("."):
        return token
    raise _SyntaxFaultError


def _closed(tokens: list[str], letters: str) -> str:
    inside = _sum(tokens, letters)
    if tokens[:1] != [")"]:
        raise _SyntaxFaultError
    del tokens[0]
    return inside
