"""Finds the template of a composed message and fills its Chinese twin.

Covers: the tables in the folder of a language, read when the first message is translated.
Does not cover: what a message is about.

Example:
    >>> Template("{path} has no {key}").values_of("a.yaml has no model")
    {'path': 'a.yaml', 'key': 'model'}
"""

from __future__ import annotations

import pkgutil
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from importlib import import_module

from mindspeed_rl_ext.core.language import DEFAULT_LANGUAGE, Language

_VALUE = re.compile(r"\{(\w+)(:message)?\}")
# Templates with fewer letters, such as `{a} and {b}`, would fit sentences that are not ours.
_FEW_LETTERS = 9
_MAX_DEPTH = 4  # of messages within messages
_MAX_CHARS = 10_000  # what is longer is data
# What joins messages, and whether a list with a part that is no message is one.
_LISTS = (("; ", True), (", ", False))


class Template:
    """A text with names in braces for its values.

    Args:
        text: such as `{path} has no {key}`; no value follows another directly.
    """

    def __init__(self, text: str) -> None:
        pieces = _VALUE.split(text)
        self.literals: Sequence[str] = pieces[0::3]
        self.names: Sequence[str] = pieces[1::3]

    @property
    def weight(self) -> int:
        """How many characters of it are no values: of two that fit, the heavier one is meant."""
        return sum(map(len, self.literals))

    @property
    def is_light(self) -> bool:
        """Whether it has few letters of its own."""
        return sum(map(str.isalpha, "".join(self.literals))) < _FEW_LETTERS

    def values_of(self, text: str) -> dict[str, str] | None:
        """The values that make it this text; None where none do. Linear in the text's length."""
        if not self.names:
            return {} if text == self.literals[0] else None
        first, *between, last = self.literals
        start, end = len(first), len(text) - len(last)
        if start > end or not text.startswith(first) or not text.endswith(last):
            return None
        found = []
        for literal in between:
            at = text.find(literal, start, end)
            if at < 0:
                return None
            found.append(text[start:at])
            start = at + len(literal)
        return dict(zip(self.names, [*found, text[start:end]], strict=True))


def translate(text: str, language: Language) -> str:
    """A message in a language; as it is where no template fits.

    Args:
        text: a message, composed in English. Several, on lines of their own or in a list with
            semicolons or commas, are translated one by one where the whole has no template.
        language: the language that is wanted.

    Example:
        >>> translate("no such thing as this", "zh")
        'no such thing as this'
    """
    if language == DEFAULT_LANGUAGE or not text.strip():
        return text
    return _translated(text, language, _MAX_DEPTH) or text


def translate_lines(text: str, language: Language) -> str:
    """Translates each line of a text on its own; indents stay."""
    if language == DEFAULT_LANGUAGE:
        return text
    return _lines(text, language, _MAX_DEPTH)


def _lines(text: str, language: Language, depth: int) -> str:
    found = []
    for line in text.split("\n"):
        body = line.lstrip()
        indent = line[: len(line) - len(body)]
        found.append(indent + (_translated(body, language, depth) or body))
    return "\n".join(found)


def _translated(text: str, language: Language, depth: int) -> str | None:
    """The translation; None where there is none."""
    if not depth or not text or len(text) > _MAX_CHARS:
        return None
    exact, templates = _tables(language)
    if text in exact:
        return exact[text]
    for template, twin in templates:
        values = template.values_of(text)
        if values is not None and _is_meant(template, twin, values):
            return _filled(twin, values, language, depth - 1)
    if "\n" in text:
        return _lines(text, language, depth - 1)
    for separator, mixed in _LISTS:
        old = text.split(separator)
        if len(old) > 1:
            new = [_translated(part, language, depth - 1) for part in old]
            if all(new) or (mixed and any(new)):
                return separator.join(a or b for a, b in zip(new, old, strict=True))
    return None


def _is_meant(template: Template, twin: str, values: Mapping[str, str]) -> bool:
    """Whether a text that fits is of the template: a light one has no values of several words.

    Values that the twin marks as messages may have them.
    """
    messages = {name for name, is_message in _VALUE.findall(twin) if is_message}
    return not template.is_light or not any(
        " " in text for name, text in values.items() if name not in messages
    )


def _filled(twin: str, values: Mapping[str, str], language: Language, depth: int) -> str:
    def value(match: re.Match[str]) -> str:
        name, is_message = match.groups()
        text = values.get(name, match.group())
        return (_translated(text, language, depth) or text) if is_message else text

    return _VALUE.sub(value, twin)


def entries(language: Language) -> Iterator[tuple[str, str]]:
    """Every template of a language's tables with its twin."""
    package = import_module(f"{__package__}.{language}")
    for found in pkgutil.iter_modules(package.__path__):
        yield from import_module(f"{package.__name__}.{found.name}").MESSAGES.items()


@cache
def _tables(language: Language) -> tuple[Mapping[str, str], Sequence[tuple[Template, str]]]:
    """Texts without values, and the templates, the heaviest first."""
    exact: dict[str, str] = {}
    templates = []
    for english, twin in entries(language):
        if _VALUE.search(english):
            templates.append((Template(english), twin))
        else:
            exact[english] = twin
    return exact, sorted(templates, key=lambda pair: -pair[0].weight)
