"""The keys of a recipe's YAML file, section by section."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import is_dataclass
from typing import Any

from mindspeed_rl_ext.core.language import Language, Text
from mindspeed_rl_ext.core.options import declared_options
from mindspeed_rl_ext.recipes.training.recipe.schema import Recipe
from reference._markdown import code, markdown_table

HEAD = (
    Text("key", "键"),
    Text("default", "默认值"),
    Text("least", "最小值"),
    Text("what it is", "含义"),
)


def render(language: Language, argument: str) -> str:
    """The table."""
    return markdown_table(HEAD, _rows(Recipe, "", language), language)


def _rows(section: type, path: str, language: Language) -> Iterator[list[str]]:
    for name, one in declared_options(section).items():
        help_text = one.option.help.in_language(language)
        if is_dataclass(one.kind) and isinstance(one.kind, type):
            yield [code(f"{path}{name}"), "", "", help_text]
            yield from _rows(one.kind, f"{path}{name}.", language)
            continue
        least = "" if one.option.minimum is None else f"{one.option.minimum:g}"
        yield [code(f"{path}{name}"), code(_shown(one.default, one.required)), least, help_text]


def _shown(value: Any, required: bool) -> str:
    if required or value is None or value in ((), {}):
        return ""
    return ", ".join(value) if isinstance(value, tuple) else str(value)
