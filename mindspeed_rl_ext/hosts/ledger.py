"""The ledger: every point of a host that is touched, and why, made of the host lines.

Covers: the rows for messages and for LEDGER.md, which `scripts/docs.py` writes.
Does not cover: their text; each point holds its own.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from mindspeed_rl_ext.hosts.adapter import Adapter
from mindspeed_rl_ext.hosts.catalog import load_adapters
from mindspeed_rl_ext.hosts.point import Expect, LedgerRow, Point


@dataclass(frozen=True)
class LedgerEntry:
    """A row of the ledger with what the host lines add to it.

    Args:
        row: the texts.
        probes: how it is probed; lines may differ.
        lines: names of the host lines that have it.
    """

    row: LedgerRow
    probes: tuple[str, ...]
    lines: tuple[str, ...]


def ledger_row(row_id: str) -> str:
    """The row with that id as text; the id alone where no host line has it.

    Example:
        >>> ledger_row("RL-1").startswith("LEDGER RL-1: ")
        True
    """
    rows = (point.ledger for adapter in load_adapters() for point in adapter.points)
    return next((str(row) for row in rows if row.id == row_id), f"LEDGER {row_id}")


def ledger_entries(adapters: Iterable[Adapter] | None = None) -> list[LedgerEntry]:
    """All rows, sorted by id.

    Args:
        adapters: the host lines; all that there are where None.
    """
    found: dict[str, tuple[LedgerRow, list[str], list[str]]] = {}
    for adapter in load_adapters() if adapters is None else adapters:
        for point in adapter.points:
            _, probes, lines = found.setdefault(point.ledger.id, (point.ledger, [], []))
            probe = describe_probe(point)
            probes.extend([probe] if probe not in probes else [])
            lines.extend([adapter.name] if adapter.name not in lines else [])
    return [
        LedgerEntry(row, tuple(probes), tuple(lines))
        for _, (row, probes, lines) in sorted(found.items())
    ]


def describe_probe(point: Point) -> str:
    """What a point looks at before it is applied, in words."""
    parts = [_described(expect) for expect in point.probe]
    parts += [caller.describe() for caller in point.callers]
    return "; ".join(parts) or "nothing"


def _described(expect: Expect) -> str:
    has = [f"containing `{text}`" for text in expect.constants]
    has += [f"without `{text}`" for text in expect.no_constants]
    return " ".join([f"`{expect.describe()}`", *has])
