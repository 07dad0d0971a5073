"""Which points of the ledger each line of one host has; `argument` is the host's package."""

from __future__ import annotations

from mindspeed_rl_ext.core.language import Language, Text
from mindspeed_rl_ext.hosts.catalog import load_adapters
from mindspeed_rl_ext.hosts.ledger import ledger_entries
from reference._markdown import markdown_table


def render(language: Language, argument: str) -> str:
    """The table."""
    lines = [one for one in load_adapters() if one.package == argument]
    ids = [entry.row.id for entry in ledger_entries(lines)]
    head = (Text("host", "宿主"), *(Text(name, name) for name in ids))
    rows = ([one.name, *("x" if one.has(name) else "-" for name in ids)] for one in lines)
    return markdown_table(head, rows, language)
