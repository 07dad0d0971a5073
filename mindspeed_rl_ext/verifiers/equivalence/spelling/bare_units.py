r"""Units behind a number without `\text`: `12 m/s`, `4ft`, `10 cm^2`, `5 sq. units`.

Covers: symbols of several letters, products and quotients of symbols, a lone letter behind a space
(`5 m`); Cyrillic units. Only behind a number: `5m` is a product, and so is `x m`.
Does not cover: words (`whole`), what a unit means (`answers.units`).
"""

from __future__ import annotations

import re

from mindspeed_rl_ext.verifiers.equivalence.answers.units import (
    CYRILLIC,
    LONG_SYMBOLS,
    SYMBOLS,
)

_TEXT = r"\\(?:text|mathrm)\{[^{}]*\}"
_FRACTION_UNIT = re.compile(rf"\\[dt]?frac\{{({_TEXT})\}}\{{({_TEXT}(?:\^\{{?[0-9]\}}?)?)\}}\s*\Z")
_SYMBOL = "|".join(sorted(map(re.escape, SYMBOLS), key=len, reverse=True))
_LONG = "|".join(sorted(map(re.escape, LONG_SYMBOLS), key=len, reverse=True))
_SQUARE = r"sq\.? ?(?:units?|cm|m|km|mm|ft|feet|in|inches|mi|miles|yd|meters)"
_CUBIC = r"cu\.? ?(?:units?|cm|m|ft|in)"
_POWER = r"(?: ?\^ ?\{? ?-?[1-4] ?\}?)?"
_SIGN = r" ?(?:/|\*|\\cdot|·) ?"
_UNIT = re.compile(
    rf"(?P<long>(?:{_SQUARE}|{_CUBIC}|{_LONG}){_POWER}(?:{_SIGN}(?:{_SYMBOL}){_POWER}){{0,3}}"
    rf"(?: (?:{_SYMBOL}){_POWER}){{0,2}})"
    rf"|(?P<short>(?:{_SYMBOL}){_POWER}(?:{_SIGN}(?:{_SYMBOL}){_POWER}){{1,3}})"
    rf"|(?P<letter>(?<= )(?:m ?\^ ?\{{?[23]\}}?|[mgshLNJWVKA]))"
)
_UNIT_START = re.compile(r"(?<=[0-9.)}])(?:\\[,;: ]|~| )*(?=[A-Za-zµμ])")
_COMMANDS = re.compile(r"\\[A-Za-z]+")
_CYRILLIC_UNIT = re.compile(r"(?<=[0-9]) ?([\u0400-\u04ff]+\.?(?:/[\u0400-\u04ff]+)?)\Z")
_MAX_UNIT_CHARS = 40


def with_unit(text: str) -> str:
    r"""A bare unit behind a number goes into `\text`, where it is read as one."""
    if text[-3:].isdigit() or text[-1:] in ")]":
        return text  # no unit ends so
    if "\\frac{\\" in text:
        text = _FRACTION_UNIT.sub(r"\1/\2", text)
    if not text.isascii() and (match := _CYRILLIC_UNIT.search(text)):
        known = match[1].rstrip(".") in CYRILLIC
        return f"{text[: match.start()]}\\text{{ {match[1]}}}" if known else text
    tail = text[-_MAX_UNIT_CHARS:]
    for start in _UNIT_START.finditer(tail):
        unit = _UNIT.fullmatch(tail, start.end(), len(tail.rstrip(" .")))
        if unit is None:
            continue
        head = text[: len(text) - len(tail) + start.start()]
        if _is_number(head, alone=bool(unit["letter"]) or bool(unit["short"])):
            spelled = unit[0].replace("\\cdot", " ").replace("sq.", "sq ").replace("cu.", "cu ")
            return rf"{head}\text{{ {spelled}}}"
    return text


def _is_number(text: str, *, alone: bool) -> bool:
    """Whether a unit may stand behind a text: no name is in it; with `alone`, no command."""
    if alone and "\\" in text.replace(r"\pm", "").replace(r"\times", "").replace(r"\cdot", ""):
        return False
    bare = _COMMANDS.sub("", text)
    return any(map(str.isdigit, bare)) and not any(char.isalpha() for char in bare.replace("e", ""))
