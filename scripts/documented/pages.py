"""The code of a Markdown page: fenced blocks, inline code, and the marks beside them.

A command that cannot be run on any machine has a mark on its page, an HTML comment that readers
do not see, anywhere before it:

    <!-- marked: ray start: starts a cluster -->

It holds for the commands of that page that begin with the text between the colons. A page with the
comment `<!-- whole -->` needs no file but those that it makes, and nothing of it is cut short.

Covers: pages of the repository, in order; blocks with their first line's number.
Does not cover: what a block means; `commands` and the tests read it.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_FENCE = re.compile(r"^ *(?P<fence>```+)(?P<language>[\w-]*) *$")
_INLINE = re.compile(r"`([^`\n]+)`")
_MARK = re.compile(r"<!-- marked: (?P<beginning>[^:>]+): (?P<reason>[^>]+?) -->")
_COMMENTED = re.compile(r"^#\s+(?:[\w ,]+:\s+)?((?:msrl-ext|accelerate|hf|modelscope) [\w-]+ .*)$")
_GOES_ON = re.compile(r" *\\\n *# *")
_WHOLE = "<!-- whole -->"
_TABLE = re.compile(r"<!-- table: .*?<!-- table end -->", re.DOTALL)
_AT_ROOT = ("README.md", "README_zh.md", "CONTRIBUTING.md", "SECURITY.md")
INLINE = "inline"


@dataclass(frozen=True)
class Block:
    """A fenced block, or a line's inline code (language `inline`).

    Args:
        page: path in the repository.
        line: of its first line of code, counted from 1.
        language: what the fence names.
        text: the code.
    """

    page: str
    line: int
    language: str
    text: str


def documented_pages(root: Path) -> list[Path]:
    """README, CONTRIBUTING, SECURITY and every page under docs, sorted.

    Args:
        root: of the repository.
    """
    at_root = [root / name for name in _AT_ROOT if (root / name).is_file()]
    return at_root + sorted((root / "docs").rglob("*.md"))


def blocks_of(text: str, page: str) -> list[Block]:
    """The fenced blocks and the inline code of a page, in its order.

    Example:
        >>> blocks_of("see `a b`\\n```bash\\nls\\n```\\n", "p.md")[1].text
        'ls\\n'
    """
    return list(_blocks(text, page))


def _blocks(text: str, page: str) -> Iterator[Block]:
    generated = _lines_of_tables(text)
    fence, language, begin, rows = "", "", 0, []
    for number, line in enumerate(text.splitlines(), 1):
        found = _FENCE.match(line)
        if fence:
            if found and found["fence"] == fence and not found["language"]:
                yield Block(page, begin, language, "".join(f"{row}\n" for row in rows))
                fence = ""
            else:
                rows.append(line)
        elif found:
            fence, language, begin, rows = found["fence"], found["language"], number + 1, []
        elif number not in generated:
            yield from (Block(page, number, INLINE, code) for code in _INLINE.findall(line))


def _lines_of_tables(text: str) -> set[int]:
    """The lines of generated tables: they show what the code declares, and are checked there."""
    lines: set[int] = set()
    for table in _TABLE.finditer(text):
        first = text.count("\n", 0, table.start()) + 1
        lines.update(range(first, first + table.group().count("\n") + 1))
    return lines


def commented_files(root: Path) -> list[Path]:
    """Configurations, whose heads say how they are used, sorted."""
    return sorted((root / "configs").rglob("*.yaml"))


def commented_commands(text: str, page: str) -> list[Block]:
    """The commands in the comments of a configuration, each as if it were inline code.

    Example:
        >>> commented_commands("# Run:    msrl-ext doctor --config a   (or b)\\n", "a.yaml")[0].text
        'msrl-ext doctor --config a'
    """
    found = []
    joined = _GOES_ON.sub(" ", text)
    for number, line in enumerate(joined.splitlines(), 1):
        command = _COMMENTED.match(line)
        if command:
            found.append(Block(page, number, INLINE, command[1].partition("   ")[0].strip()))
    return found


def helped_commands(root: Path) -> list[Block]:
    """The commands in the help texts of our commands: indented lines of their modules' docstrings.

    Args:
        root: of the repository.
    """
    found = []
    for file in sorted((root / "mindspeed_rl_ext" / "cli").glob("[a-z]*.py")):
        text = ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or ""
        lines = re.sub(r" *\\\n +", " ", text).splitlines()
        # What a command does stands behind it, after two spaces.
        shown = (line.strip().partition("  ")[0] for line in lines if line[:11] == "  msrl-ext ")
        found += [Block(str(file.relative_to(root)), 1, INLINE, line) for line in shown]
    return found


def is_whole(text: str) -> bool:
    """Whether a page's commands run as they stand, in an empty folder: it has `<!-- whole -->`."""
    return _WHOLE in text.splitlines()


def marks_of(text: str) -> dict[str, str]:
    """The marks of a page: why commands with this beginning are not run.

    Example:
        >>> marks_of("<!-- marked: ray start: starts a cluster -->")
        {'ray start': 'starts a cluster'}
    """
    return {mark["beginning"]: mark["reason"] for mark in _MARK.finditer(text)}
