"""Every command of `msrl-ext`."""

from __future__ import annotations

from mindspeed_rl_ext.cli._dispatch import command_names, summary_of
from mindspeed_rl_ext.core.language import Language, Text
from reference._markdown import markdown_table

HEAD = (Text("command", "命令"), Text("what it does", "作用"))


def render(language: Language, argument: str) -> str:
    """The table."""
    rows = ((f"`msrl-ext {name}`", summary_of(name, language)) for name in command_names())
    return markdown_table(HEAD, rows, language)
