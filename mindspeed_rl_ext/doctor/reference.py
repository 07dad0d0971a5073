"""The list of rules that `msrl-ext doctor --rules` prints, derived from their declarations.

Covers: all rules that are loaded. Does not cover: the tables of the documentation;
`scripts/reference/doctor_rules.py` makes those of the same declarations.
"""

from __future__ import annotations

import json

from mindspeed_rl_ext.core.language import DEFAULT_LANGUAGE, Language, Text
from mindspeed_rl_ext.core.rules import LEVEL_WORDS, Rule
from mindspeed_rl_ext.doctor.rulebook import load_rules


def looks_at(rule: Rule, language: Language = DEFAULT_LANGUAGE) -> str:
    """What a rule looks at, in words: the label of its class, or the class's name."""
    label = getattr(rule.on, "label", None)
    return label.in_language(language) if isinstance(label, Text) else rule.on.__name__


def rules_as_text(language: Language = DEFAULT_LANGUAGE) -> str:
    """A line per rule: its id, its level, what it looks at, its cause."""
    return "\n".join(
        f"{rule.id}  {LEVEL_WORDS[rule.level].in_language(language)}  "
        f"[{looks_at(rule, language)}] {rule.words[language].cause}"
        for rule in load_rules()
    )


def rules_as_json(language: Language = DEFAULT_LANGUAGE) -> str:
    """The rules as a JSON list."""
    rows = [
        {
            "id": rule.id,
            "level": rule.level,
            "on": looks_at(rule, language),
            "cause": rule.words[language].cause,
            "remedy": rule.words[language].remedy,
        }
        for rule in load_rules()
    ]
    return json.dumps(rows, ensure_ascii=False, indent=2)
