"""Every rule of the doctor that is loaded: ours, and those of installed packages."""

from __future__ import annotations

from mindspeed_rl_ext.core.language import Language, Text
from mindspeed_rl_ext.core.rules import LEVEL_WORDS
from mindspeed_rl_ext.doctor.reference import looks_at
from mindspeed_rl_ext.doctor.rulebook import load_rules
from reference._markdown import code, markdown_table

HEAD = (
    Text("id", "编号"),
    Text("level", "级别"),
    Text("looks at", "检查对象"),
    Text("cause", "原因"),
    Text("remedy", "处理"),
)


def render(language: Language, argument: str) -> str:
    """The table, sorted by what rules look at."""
    rows = (
        (
            code(rule.id),
            LEVEL_WORDS[rule.level].in_language(language),
            looks_at(rule, language),
            *rule.words[language],
        )
        for rule in load_rules()
    )
    return markdown_table(HEAD, rows, language)
