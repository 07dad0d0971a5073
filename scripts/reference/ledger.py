"""Every point of a host that is touched, and why."""

from __future__ import annotations

from mindspeed_rl_ext.core.language import Language, Text
from mindspeed_rl_ext.hosts.ledger import ledger_entries
from reference._markdown import markdown_table

HEAD = (
    Text("id", "编号"),
    Text("what", "做什么"),
    Text("why", "为什么"),
    Text("how probed", "如何探测"),
    Text("when it can go", "何时可以去掉"),
    Text("lines", "宿主版本"),
)


def render(language: Language, argument: str) -> str:
    """The table."""
    rows = (
        [
            entry.row.id,
            entry.row.what,
            entry.row.why,
            "; or ".join(entry.probes),
            entry.row.until,
            ", ".join(entry.lines),
        ]
        for entry in ledger_entries()
    )
    return markdown_table(HEAD, rows, language)
