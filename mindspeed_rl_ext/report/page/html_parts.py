"""Pieces of HTML that every part of the page uses.

Covers: escaped text, cells, tables.
Does not cover: what they say.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from mindspeed_rl_ext.report.page.axes import number_text
from mindspeed_rl_ext.report.page.data import clean


def text(value: object) -> str:
    """Escaped text."""
    return escape(clean(str(value)))


def table(kind: str, columns: Sequence[str], rows: Iterable[str], numbers: set[int]) -> str:
    """A table that scrolls sideways where it must.

    Args:
        kind: its class.
        columns: headings.
        rows: cells of each row.
        numbers: which columns are numbers.
    """
    head = "".join(
        f'<th class="number">{text(c)}</th>' if i in numbers else f"<th>{text(c)}</th>"
        for i, c in enumerate(columns)
    )
    body = "\n".join(f"<tr>{row}</tr>" for row in rows)
    return (
        f'<div class="wide"><table class="{kind}"><thead><tr>{head}</tr></thead>\n'
        f"<tbody>\n{body}\n</tbody></table></div>"
    )


def cell(value: object, *, number: bool = False) -> str:
    """One cell."""
    return f'<td class="{"number" if number else "name"}">{text(value)}</td>'


def or_empty(number: float | None) -> str:
    """A number, or nothing."""
    return "" if number is None else number_text(number)
