"""The type of a text, and which language a reader wants.

Does not cover: the texts.

Example:
    >>> language_of(None, {"LANG": "zh_CN.UTF-8"})
    'zh'
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, NamedTuple

Level = Literal["error", "warning", "note", "ok"]
Language = Literal["en", "zh"]
LANGUAGES: tuple[Language, ...] = ("en", "zh")
DEFAULT_LANGUAGE: Language = "en"
_VARIABLES = ("LC_ALL", "LC_MESSAGES", "LANG")


class Text(NamedTuple):
    """One row: a level, cause and remedy in English, then in Chinese; {names} are values."""

    level: Level
    cause: str
    remedy: str
    cause_zh: str
    remedy_zh: str

    def words(self, language: Language) -> tuple[str, str]:
        """Cause and remedy in a language."""
        if language == "zh":
            return self.cause_zh, self.remedy_zh
        return self.cause, self.remedy


def language_of(asked: str | None, variables: Mapping[str, str]) -> Language:
    """The language that was asked for, or that of the locale.

    Args:
        asked: the value of --lang, if it was given.
        variables: environment variables; the first of LC_ALL, LC_MESSAGES, LANG that is set.
    """
    locale = next((variables[name] for name in _VARIABLES if variables.get(name)), "")
    wanted = asked or locale
    return "zh" if wanted.lower().startswith("zh") else "en"
