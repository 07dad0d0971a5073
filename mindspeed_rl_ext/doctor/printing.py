"""Findings for a reader: lines of text, rows of JSON, the summary.

Does not cover: writing them anywhere; the command does.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from mindspeed_rl_ext.core.language import Language, Text
from mindspeed_rl_ext.core.rules import LEVEL_WORDS, Finding

_LABELS = (Text("place:  ", "位置："), Text("remedy: ", "处理："), Text("rule:   ", "规则："))
_WIDTH = {"en": 9, "zh": 6}
_SUMMARY = Text("{errors}, {warnings}", "{errors}，{warnings}")
_COUNTS = {
    ("error", True): Text("1 error", "1 个错误"),
    ("error", False): Text("{count} errors", "{count} 个错误"),
    ("warning", True): Text("1 warning", "1 个警告"),
    ("warning", False): Text("{count} warnings", "{count} 个警告"),
}


def as_text(finding: Finding, language: Language) -> str:
    """The lines for a reader; what only informs takes one."""
    cause, remedy = finding.words(language)
    width = _WIDTH[language]
    labels = [label.in_language(language) for label in _LABELS]
    head = f"{LEVEL_WORDS[finding.level].in_language(language):<{width}}{cause}"
    if finding.level in ("note", "ok"):
        then = f"\n{'':{width}}{labels[1]}{remedy}" if remedy else ""
        return f"{head} ({finding.place}) [{finding.id}]{then}"
    parts = zip(labels, (finding.place, remedy, finding.id), strict=True)
    return "\n".join([head, *(f"{'':{width}}{label}{text}" for label, text in parts if text)])


def as_row(finding: Finding, language: Language) -> dict[str, Any]:
    """The row of `--json`."""
    cause, remedy = finding.words(language)
    return {
        "id": finding.id,
        "level": finding.level,
        "cause": cause,
        "place": finding.place,
        "file": finding.at.name,
        "key": finding.at.key,
        "line": finding.at.line or None,
        "remedy": remedy,
    }


def summary(findings: Iterable[Finding], language: Language) -> str:
    """How many errors and warnings there are.

    Example:
        >>> summary([], "en")
        '0 errors, 0 warnings'
    """
    counts = Counter(finding.level for finding in findings)
    errors, warnings = (
        _COUNTS[level, counts[level] == 1].in_language(language).format(count=counts[level])
        for level in ("error", "warning")
    )
    return _SUMMARY.in_language(language).format(errors=errors, warnings=warnings)
