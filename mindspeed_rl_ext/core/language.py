"""The languages that messages, help and documentation come in, and which one a reader wants.

A text that describes a declaration (an option, a rule, a verifier) stands beside it as `Text`. A
message that is composed when it is needed (an error, a line of output, a log record) is composed in
English; where it is shown, `core.catalog.translate` gives its Chinese.

Covers: the choice of the language, for the whole process: `--lang`, then MSRL_EXT_LANG, then the
locale. Does not cover: the texts.

Example:
    >>> language_of(None, {"LANG": "zh_CN.UTF-8"})
    'zh'
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Literal, NamedTuple

Language = Literal["en", "zh"]
LANGUAGES: tuple[Language, ...] = ("en", "zh")
DEFAULT_LANGUAGE: Language = "en"
VARIABLE = "MSRL_EXT_LANG"
_VARIABLES = (VARIABLE, "LC_ALL", "LC_MESSAGES", "LANG")


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
    """The language that was asked for, or that of the variables.

    Args:
        asked: the value of --lang, if it was given.
        variables: environment variables; the first of MSRL_EXT_LANG, LC_ALL, LC_MESSAGES, LANG
            that is set.
    """
    locale = next((variables[name] for name in _VARIABLES if variables.get(name)), "")
    wanted = asked or locale
    return "zh" if wanted.lower().startswith("zh") else "en"


def current_language() -> Language:
    """The language of this process: that of its environment."""
    return language_of(None, os.environ)


@contextmanager
def language_chosen(asked: str | None) -> Iterator[None]:
    """Makes a language that of this process, and of those that it starts, within the block.

    Args:
        asked: the value of --lang; nothing changes where it is None.
    """
    before = os.environ.get(VARIABLE)
    if asked is not None:
        os.environ[VARIABLE] = asked
    try:
        yield
    finally:
        if before is None:
            os.environ.pop(VARIABLE, None)
        else:
            os.environ[VARIABLE] = before
