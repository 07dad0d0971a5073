"""What a check says: the id of a text, where, and the values that were found.

Covers: the type, its text in both languages, its place. The texts are tables in `texts/`.
Does not cover: finding; the other modules of this room do.

Example:
    >>> print(Finding("E-click", Place("packages"), {"click": "8.3.0", "ray": "2.54.0"}))
    warning  click 8.3.0 beside ray 2.54.0: the ray command may fail (ray issue 56747)
             place:  packages
             remedy: pip install "click<8.3" where `ray --version` fails
             rule:   E-click
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mindspeed_rl_ext.doctor.texts import DEFAULT_LANGUAGE, TEXTS, Language, Level

LEVELS: tuple[Level, ...] = ("error", "warning", "note", "ok")
_LABELS: dict[Language, tuple[str, str, str]] = {
    "en": ("place:  ", "remedy: ", "rule:   "),
    "zh": ("位置：", "处理：", "规则："),
}
_LEVEL_WORDS: dict[Language, dict[Level, str]] = {
    "en": {level: level for level in LEVELS},
    "zh": {"error": "错误", "warning": "警告", "note": "说明", "ok": "正常"},
}


@dataclass(frozen=True)
class Place:
    """Where something is.

    Args:
        name: a file, a variable, "installed packages".
        key: the key in the file, with dots.
        line: its line, from 1; 0 where there is none.
    """

    name: str
    key: str = ""
    line: int = 0

    def __str__(self) -> str:
        where = f"{self.name}:{self.line}" if self.line else self.name
        return f"{where} {self.key}" if self.key else where


@dataclass(frozen=True)
class Finding:
    """One thing that a check found.

    Args:
        id: a row of `texts.TEXTS`, which has the level and the words in both languages.
        at: where.
        values: what the text names in braces.
    """

    id: str
    at: Place
    values: Mapping[str, Any] = field(default_factory=dict)

    @property
    def level(self) -> Level:
        """`error` will break a run or lose rewards in silence, `warning` may; the rest tells."""
        return TEXTS[self.id].level

    @property
    def place(self) -> str:
        """File, key or variable, in one line."""
        return str(self.at)

    @property
    def cause(self) -> str:
        """What is the matter, in English."""
        return self.said()[0]

    @property
    def remedy(self) -> str:
        """What to do, in English; empty where nothing is to be done."""
        return self.said()[1]

    def said(self, language: Language = DEFAULT_LANGUAGE) -> tuple[str, str]:
        """Cause and remedy in a language."""
        cause, remedy = TEXTS[self.id].words(language)
        return _filled(cause, self.values), _filled(remedy, self.values)

    def shown(self, language: Language = DEFAULT_LANGUAGE) -> str:
        """The lines for a reader."""
        cause, remedy = self.said(language)
        word, labels = _LEVEL_WORDS[language][self.level], _LABELS[language]
        width = 9 if language == "en" else 6
        head = f"{word:<{width}}{cause}"
        if self.level in ("note", "ok"):
            then = f"\n{'':{width}}{labels[1]}{remedy}" if remedy else ""
            return f"{head} ({self.place}) [{self.id}]{then}"
        parts = zip(labels, (self.place, remedy, self.id), strict=True)
        return "\n".join([head, *(f"{'':{width}}{label}{text}" for label, text in parts if text)])

    def __str__(self) -> str:
        return self.shown()

    def as_row(self, language: Language = DEFAULT_LANGUAGE) -> dict[str, Any]:
        """The row of `--json`."""
        cause, remedy = self.said(language)
        return {
            "id": self.id,
            "level": self.level,
            "cause": cause,
            "place": self.place,
            "file": self.at.name,
            "key": self.at.key,
            "line": self.at.line or None,
            "remedy": remedy,
        }


def _filled(text: str, values: Mapping[str, Any]) -> str:
    # Not str.format: texts name JSON and \boxed{}, and values may hold braces of their own.
    return re.sub(r"\{(\w+)\}", lambda m: str(values.get(m.group(1), m.group())), text)
