"""The languages that messages, help and documentation come in, and which one a reader wants.

Does not cover: the texts; they stand beside what they describe.

Example:
    >>> language_of(None, {"LANG": "zh_CN.UTF-8"})
    'zh'
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, NamedTuple

Language = Literal["en", "zh"]
LANGUAGES: tuple[Language, ...] = ("en", "zh")
DEFAULT_LANGUAGE: Language = "en"
_VARIABLES = ("LC_ALL", "LC_MESSAGES", "LANG")


class Text(NamedTuple):
    """One text in both languages.

    Example:
        >>> Text("done", "完成").in_language("zh")
        '完成'
    """

    en: str
    zh: str

    def in_language(self, language: Language) -> str:
        """The text in a language."""
        return self.zh if language == "zh" else self.en


def language_of(asked: str | None, variables: Mapping[str, str]) -> Language:
    """The language that was asked for, or that of the locale.

    Args:
        asked: the value of --lang, if it was given.
        variables: environment variables; the first of LC_ALL, LC_MESSAGES, LANG that is set.
    """
    locale = next((variables[name] for name in _VARIABLES if variables.get(name)), "")
    wanted = asked or locale
    return "zh" if wanted.lower().startswith("zh") else "en"
