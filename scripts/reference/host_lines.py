"""What of each host line was run and what was read; `argument` is the way to docs/LANGUAGE."""

from __future__ import annotations

from mindspeed_rl_ext.core.language import Language, Text
from mindspeed_rl_ext.hosts.adapter import FEATURES, Adapter
from mindspeed_rl_ext.hosts.catalog import load_adapters
from reference._markdown import markdown_table

HEAD = (Text("host", "宿主"), *FEATURES.values())
WORDS = {"run": Text("run", "已运行"), "read": Text("read", "只读过")}


def render(language: Language, argument: str) -> str:
    """The table."""
    rows = (_row(one, language, argument) for one in load_adapters())
    return markdown_table(HEAD, rows, language)


def _row(one: Adapter, language: Language, folder: str) -> list[str]:
    return [
        f"[{one.name}]({folder}{one.page})",
        *(_cell(one, feature, language) for feature in FEATURES),
    ]


def _cell(one: Adapter, feature: str, language: Language) -> str:
    if feature in one.evidence:
        return WORDS[one.evidence[feature]].in_language(language)
    return one.notes[feature].in_language(language) if feature in one.notes else "-"
