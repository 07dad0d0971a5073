"""Every checkpoint format."""

from __future__ import annotations

from mindspeed_rl_ext.checkpoint.formats import find_format, format_names
from mindspeed_rl_ext.core.language import Language, Text
from reference._markdown import code, codes, markdown_table

HEAD = (
    Text("format", "格式"),
    Text("other names", "其他写法"),
    Text("read (`--load-model-type`)", "读取（`--load-model-type`）"),
    Text("written (`--save-model-type`)", "写出（`--save-model-type`）"),
)
YES, NO = Text("yes", "支持"), Text("-", "-")


def render(language: Language, argument: str) -> str:
    """The table."""
    rows = []
    for name in format_names():
        made = find_format(name)
        written = YES if made.writer else NO
        rows.append(
            [
                code(name),
                codes(made.aliases),
                YES.in_language(language),
                written.in_language(language),
            ]
        )
    return markdown_table(HEAD, rows, language)
