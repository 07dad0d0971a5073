#!/usr/bin/env python3
"""Writes the reference tables into the documentation: python scripts/docs.py [--check | --commands]

A page holds a table between two comments, `<!-- table: NAME ARGUMENT -->` and
`<!-- table end -->`; NAME is a module of scripts/reference, which makes the table of what the
package declares. The page's language is that of its path. `--check` writes nothing and exits with
1 where a committed table differs. `--commands` lists every command that the pages show, with how a
test runs it: run, print, named or marked.

The tutorial's notebooks are written from its pages too.

Covers: every *.md of the checkout, docs/*/tutorial.ipynb.
Does not cover: the text around the tables; people write it.
"""

from __future__ import annotations

import argparse
import difflib
import pkgutil
import re
import sys
from collections.abc import Iterable, Iterator
from importlib import import_module
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
for _folder in (ROOT, ROOT / "scripts"):
    if str(_folder) not in sys.path:
        sys.path.insert(0, str(_folder))

import reference  # noqa: E402  found beside this file
from documented import listing, notebook  # noqa: E402

from mindspeed_rl_ext.core.errors import InputError, nearest  # noqa: E402
from mindspeed_rl_ext.core.language import Language  # noqa: E402

BEGIN = re.compile(r"^<!-- table: (?P<name>[\w-]+)(?: (?P<argument>[^>]+?))? -->$")
END = "<!-- table end -->"


def main(argv: list[str] | None = None) -> int:
    """Writes or checks; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n\n")[0])
    parser.add_argument(
        "--check", action="store_true", help="write nothing; exit 1 on a difference"
    )
    parser.add_argument(
        "--commands", action="store_true", help="list the documented commands; write nothing"
    )
    args = parser.parse_args(argv)
    if args.commands:
        print("\n".join(listing.listing_lines(listing.documented_commands(ROOT))))
        return 0
    check = args.check
    changed = 0
    for page, new in derived(ROOT):
        old = page.read_text(encoding="utf-8") if page.is_file() else ""
        if new != old:
            changed += 1
            if check:
                sys.stdout.writelines(difference(old, new, str(page.relative_to(ROOT))))
            else:
                page.write_text(new, encoding="utf-8")
                print(f"written: {page.relative_to(ROOT)}")
    if check and changed:
        print(f"{changed} page(s) differ; run: python scripts/docs.py", file=sys.stderr)
    return int(check and changed > 0)


def derived(root: Path) -> Iterator[tuple[Path, str]]:
    """Every file that is written here, and what must stand in it."""
    for page in pages(root):
        old = page.read_text(encoding="utf-8")
        yield page, filled(old, language_of_page(page), str(page.relative_to(root)))
    for name in filter(lambda name: (root / name).is_file(), notebook.NOTEBOOKS):
        text = (root / name).read_text(encoding="utf-8")
        yield notebook.notebook_path(root / name), notebook.notebook_of(text)


def pages(root: Path) -> Iterator[Path]:
    """The Markdown files of a checkout that hold a table, sorted; nothing of hidden folders."""
    for page in sorted(root.rglob("*.md")):
        inner = page.relative_to(root).parts
        hidden = any(
            part.startswith(".") or part.endswith((".egg-info", "build")) for part in inner
        )
        if not hidden and "<!-- table: " in page.read_text(encoding="utf-8"):
            yield page


def language_of_page(page: Path) -> Language:
    """The language of a page, from its path: `docs/zh/...` and `..._zh.md` are Chinese.

    Example:
        >>> language_of_page(Path("docs/zh/hosts.md")), language_of_page(Path("README.md"))
        ('zh', 'en')
    """
    return "zh" if "zh" in page.parts or page.stem.endswith("_zh") else "en"


def filled(text: str, language: Language, page: str) -> str:
    """A page's text with each of its tables made anew.

    Args:
        text: the page.
        language: of its tables.
        page: its path, for messages.

    Raises:
        InputError: an unknown table, or one without an end.
    """
    rows: list[str] = []
    lines = iter(text.splitlines())
    for line in lines:
        rows.append(line)
        begin = BEGIN.match(line)
        if begin:
            rows.extend(table(begin["name"], begin["argument"] or "", language, page).splitlines())
            rows.append(_skip_to_end(lines, page, line))
    return "\n".join(rows) + "\n"


def table(name: str, argument: str, language: Language, page: str) -> str:
    """One table as Markdown."""
    if name not in table_names():
        raise InputError(
            f"{page} has an unknown table", found=name, remedy=nearest(name, table_names())
        )
    text: str = import_module(f"reference.{name.replace('-', '_')}").render(language, argument)
    return text.strip("\n")


def table_names() -> list[str]:
    """The modules of scripts/reference; those with a leading underscore are no tables."""
    found = (module.name for module in pkgutil.iter_modules(reference.__path__))
    return sorted(name.replace("_", "-") for name in found if not name.startswith("_"))


def _skip_to_end(lines: Iterator[str], page: str, begin: str) -> str:
    for line in lines:
        if line == END:
            return line
        if BEGIN.match(line):
            break
    raise InputError(f"{page}: {begin} has no end", expected=END)


def difference(old: str, new: str, name: str) -> Iterable[str]:
    """What differs, as a patch."""
    return difflib.unified_diff(
        old.splitlines(keepends=True), new.splitlines(keepends=True), f"{name} (committed)", name
    )


if __name__ == "__main__":
    sys.exit(main())
