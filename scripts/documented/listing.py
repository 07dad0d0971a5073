"""Every documented command with how it is tested: `python scripts/docs.py --commands`.

Covers: the list of a checkout, and its text.
Does not cover: running them; `tests/docs/test_commands.py` does.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from .commands import Command, commands_of
from .pages import (
    blocks_of,
    commented_commands,
    commented_files,
    documented_pages,
    helped_commands,
    is_whole,
    marks_of,
)
from .plans import Plan, plan_of

UNPLANNED = "UNPLANNED"


@dataclass(frozen=True)
class Documented:
    """A command of a page and its plan; None where nothing says how it is tested."""

    command: Command
    plan: Plan | None


def documented_commands(root: Path) -> list[Documented]:
    """Every command of the documentation, in the order of its pages.

    Args:
        root: of the repository.
    """
    shown = [one for page in documented_pages(root) for one in commands_of_page(page, root)]
    return shown + commands_elsewhere(root)


def commands_elsewhere(root: Path) -> list[Documented]:
    """The commands in the heads of the shipped configurations, and in our commands' help texts."""
    blocks = [
        block
        for file in commented_files(root)
        for block in commented_commands(
            file.read_text(encoding="utf-8"), str(file.relative_to(root))
        )
    ]
    return [
        Documented(command, plan_of(command, {}, root))
        for block in blocks + helped_commands(root)
        for command in commands_of(block)
    ]


def commands_of_page(page: Path, root: Path) -> list[Documented]:
    """The commands of one page, with their plans."""
    text = page.read_text(encoding="utf-8")
    marks = marks_of(text)
    return [
        Documented(command, plan_of(command, marks, root, whole=is_whole(text)))
        for block in blocks_of(text, str(page.relative_to(root)))
        for command in commands_of(block)
    ]


def listing_lines(documented: list[Documented]) -> Iterator[str]:
    """A line for each command, and how many there are of each kind."""
    counts: Counter[str] = Counter()
    for one in documented:
        kind = one.plan.kind if one.plan else UNPLANNED
        counts[kind] += 1
        note = f"   # {one.plan.note}" if one.plan and one.plan.note else ""
        yield f"{kind:<7} {one.command.page}:{one.command.line}: {one.command.text}{note}"
    yield ", ".join(f"{number} {kind}" for kind, number in sorted(counts.items()))
