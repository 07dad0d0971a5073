"""What each rule says, in English and Chinese.

Covers: title, sentence of evidence, likely causes, what to try.
Does not cover: when a rule says it.
"""

from __future__ import annotations

from dataclasses import dataclass

from mindspeed_rl_ext.core.language import Language
from mindspeed_rl_ext.report.diagnosis.finding import Finding
from mindspeed_rl_ext.report.diagnosis.texts_en import ENGLISH
from mindspeed_rl_ext.report.diagnosis.texts_zh import CHINESE

_TEXTS = {"en": ENGLISH, "zh": CHINESE}


@dataclass(frozen=True)
class FindingText:
    """A finding in words.

    Args:
        title: what it is.
        evidence: the numbers, in a sentence.
        causes: what it may come from, the likeliest first.
        remedies: what to try, the cheapest first.
    """

    title: str
    evidence: str
    causes: tuple[str, ...]
    remedies: tuple[str, ...]


def describe_finding(finding: Finding, language: Language) -> FindingText:
    """A finding in words.

    Args:
        finding: what a rule found.
        language: "en" or "zh".
    """
    text = _TEXTS[language][finding.rule]
    return FindingText(
        text["title"],
        text["evidence"].format(**finding.numbers),
        tuple(text["causes"].split("\n")),
        tuple(text["try"].split("\n")),
    )


def title_of(rule: str, language: Language) -> str:
    """The title of a rule."""
    return _TEXTS[language][rule]["title"]
