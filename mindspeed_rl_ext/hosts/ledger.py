"""The rows of LEDGER.md, for messages.

Covers: finding the row of a point. Does not cover: its content; the file is written by hand.
"""

from __future__ import annotations

from pathlib import Path

LEDGER = Path(__file__).with_name("LEDGER.md")


def ledger_row(row_id: str) -> str:
    """The row of LEDGER.md with that id, as `id: what; why; ...`; the id alone where it is lost.

    Example:
        >>> ledger_row("RL-1").startswith("LEDGER RL-1: ")
        True
    """
    try:
        lines = LEDGER.read_text(encoding="utf-8").splitlines()
    except OSError:
        return f"LEDGER {row_id}"
    for line in lines:
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if cells[0] == row_id:
            return f"LEDGER {row_id}: " + "; ".join(cells[1:])
    return f"LEDGER {row_id}"
