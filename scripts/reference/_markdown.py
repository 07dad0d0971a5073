"""Markdown tables."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from mindspeed_rl_ext.core.language import Language, Text

NAME = Text("name", "名称")
YES_NO = {True: Text("yes", "是"), False: Text("no", "否"), None: Text("", "")}


def markdown_table(head: Sequence[Text], rows: Iterable[Sequence[str]], language: Language) -> str:
    """A table; `|`, and `<` outside code, are escaped in cells; a line break becomes a space.

    Example:
        >>> print(markdown_table([Text("a", "甲")], [["x | y"]], "en"))
        | a |
        |---|
        | x \\\\| y |
    """
    lines = [[text.in_language(language) for text in head], *rows]
    made = ["| " + " | ".join(_cell(cell) for cell in line) + " |" for line in lines]
    return "\n".join([made[0], "|---" * len(head) + "|", *made[1:]])


def code(text: str) -> str:
    """A text as code; nothing stays nothing."""
    return f"`{text}`" if text else ""


def codes(texts: Iterable[str]) -> str:
    """Several texts as code, with commas between."""
    return ", ".join(map(code, texts))


def _cell(text: str) -> str:
    parts = " ".join(text.split()).replace("|", "\\|").split("`")
    # Between backquotes is code; elsewhere a page would take <think> for a tag, and show nothing.
    plain = [part if place % 2 else part.replace("<", "&lt;") for place, part in enumerate(parts)]
    return "`".join(plain)
