"""A shell block as commands, each with its words.

Covers: comments, lines that go on after a backslash, `NAME=value` before a command, `&&`, `|` and
`>` (what follows a pipe or a redirection is not the command's), `cat > FILE <<'END'`.
Does not cover: variables, loops: the documentation has none.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from .pages import INLINE, Block

SHELLS = frozenset({"bash", "sh", "console", "shell"})
PROGRAMS = frozenset(
    {"msrl-ext", "python", "pip", "bash", "ray", "accelerate", "hf", "modelscope", "mkdocs"}
)
_SETS = re.compile(r"^(?P<name>[A-Za-z_]\w*)=(?P<value>.*)$", re.DOTALL)
_HERE = re.compile(r"^cat > (?P<file>\S+) <<'?(?P<end>\w+)'?$")
_OVERRIDE = re.compile(r"^\+{0,2}[a-z_]+(?:\.[a-z_]+)+=")


@dataclass(frozen=True)
class Command:
    """One command of a page.

    Args:
        page: path in the repository.
        line: where it begins.
        text: as it stands on the page, comments and line ends removed.
        words: as a shell splits them.
        variables: what is set for it alone.
        inline: it stands in a sentence, not in a block.
        body: what a `cat > FILE <<END` writes.
    """

    page: str
    line: int
    text: str
    words: tuple[str, ...]
    variables: dict[str, str] = field(default_factory=dict)
    inline: bool = False
    body: str = ""


def commands_of(block: Block) -> list[Command]:
    """The commands of a shell block, or of inline code; none of other code.

    Example:
        >>> block = Block("p.md", 3, "bash", "A=1 ls -l \\\\\\n  x && pwd # here\\n")
        >>> [(one.line, one.words, one.variables) for one in commands_of(block)]
        [(3, ('ls', '-l', 'x'), {'A': '1'}), (3, ('pwd',), {})]
    """
    if block.language == INLINE:
        first = block.text.split(" ", 1)[0]
        single = first in PROGRAMS and " " in block.text
        return list(_split(block, block.line, block.text)) if single else []
    if block.language not in SHELLS:
        return []
    written, block = _take_out_written(block)
    rows = list(_logical_lines(block))
    if not rows:
        return written
    if all(_OVERRIDE.match(shlex.split(row, comments=True)[0]) for _, row in rows):
        # Overrides alone, shown without the command that they belong to.
        whole = " ".join(["python -m verl.trainer.main_ppo", *(row for _, row in rows)])
        return list(_split(block, block.line, whole))
    found = [one for line, row in rows for one in _split(block, line, row)]
    return sorted(written + found, key=lambda one: one.line)


def _take_out_written(block: Block) -> tuple[list[Command], Block]:
    """The files that here-documents write, and the block without them; lines keep their numbers."""
    written, kept = [], []
    lines = iter(enumerate(block.text.splitlines(), block.line))
    for number, line in lines:
        here = _HERE.match(line)
        kept.append("" if here else line)
        if here:
            body = []
            for _, inner in lines:
                kept.append("")
                if inner == here["end"]:
                    break
                body.append(f"{inner}\n")
            words = ("cat", ">", here["file"])
            text = " ".join(words)
            written.append(Command(block.page, number, text, words, body="".join(body)))
    return written, replace(block, text="\n".join(kept) + "\n")


def _logical_lines(block: Block) -> Iterator[tuple[int, str]]:
    begun, first = "", block.line
    for number, line in enumerate(block.text.splitlines(), block.line):
        row = line.removeprefix("$ ")
        if not begun:
            first = number
        if row.endswith("\\"):
            begun += row[:-1].strip() + " "
            continue
        whole = (begun + row.strip()).strip()
        begun = ""
        if whole and not whole.startswith("#"):
            yield first, whole


def _split(block: Block, line: int, row: str) -> Iterator[Command]:
    words = shlex.split(row, comments=True)
    while words:
        cut = words.index("&&") if "&&" in words else len(words)
        yield _command(block, line, words[:cut])
        words = words[cut + 1 :]


def _command(block: Block, line: int, words: list[str]) -> Command:
    variables = {}
    while words and (found := _SETS.match(words[0])):
        variables[found["name"]] = found["value"]
        words = words[1:]
    text = " ".join([*(f"{k}={v}" for k, v in variables.items()), *map(_shown, words)])
    for sign in ("|", ">"):
        words = words[: words.index(sign)] if sign in words else words
    return Command(block.page, line, text, tuple(words), variables, block.language == INLINE)


def _shown(word: str) -> str:
    return f"'{word}'" if re.search(r"[\s\"{}\[\]]", word) else word
