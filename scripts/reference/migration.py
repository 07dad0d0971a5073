"""Keys of MindSpeed-RL beside verl's, and what every run of verl on NPUs needs."""

from __future__ import annotations

from collections.abc import Iterator

from mindspeed_rl_ext.core.language import Language, Text
from mindspeed_rl_ext.recipes.migration.translate import FIXED, ROWS
from mindspeed_rl_ext.recipes.migration.writing import prefix_of
from reference._markdown import code, codes, markdown_table

PART = Text("part", "部分")
OLD = Text("key of MindSpeed-RL", "MindSpeed-RL 的键")
NEW = Text("key of verl", "verl 的键")
CHANGE = Text("what changes, or why there is none", "变化，或没有对应的原因")
WHY = Text("why", "原因")
NONE = Text("none", "无")


def render(language: Language, argument: str) -> str:
    """All keys; with `fixed` what is written whatever the configuration says."""
    if argument == "fixed":
        rows = ([code(f"{key}={value}"), text.in_language(language)] for key, value, text in FIXED)
        return markdown_table((NEW, WHY), rows, language)
    return markdown_table((PART, OLD, NEW, CHANGE), _rows(language), language)


def _rows(language: Language) -> Iterator[list[str]]:
    for row in ROWS:
        verl = codes(f"{prefix_of(key)}{key}" for key in row.verl)
        why = row.text.in_language(language)
        yield [code(row.part), codes(row.keys), verl or NONE.in_language(language), why]
