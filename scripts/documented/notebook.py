"""A page as a notebook: its text as Markdown cells, its code as code cells.

Covers: Python blocks, and shell blocks as `%%bash` cells; links that lead to pages beside it.
Does not cover: outputs; whoever opens the notebook runs it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from .commands import SHELLS
from .pages import Block, blocks_of

NOTEBOOKS = ("docs/en/tutorial.md", "docs/zh/tutorial.md")


def notebook_of(text: str) -> str:
    """The notebook of a page, as JSON of nbformat 4.5.

    Args:
        text: the page.

    Example:
        >>> cells = json.loads(notebook_of("# Title\\n\\n```python\\nx = 1\\n```\\n"))["cells"]
        >>> [(cell["cell_type"], "".join(cell["source"])) for cell in cells]
        [('markdown', '# Title'), ('code', 'x = 1')]
    """
    cells = [_cell(number, kind, source) for number, (kind, source) in enumerate(_parts(text))]
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    notebook = {
        "cells": cells, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5,
    }  # fmt: skip
    return json.dumps(notebook, indent=1, ensure_ascii=False) + "\n"


def _parts(text: str) -> Iterator[tuple[str, str]]:
    """(markdown or code, its source), in the order of the page."""
    lines = text.splitlines()
    shown = 0
    for block in blocks_of(text, ""):
        if block.language not in {"python", *SHELLS}:
            continue
        begin = block.line - 2  # the fence, counted from 0
        yield from _markdown(lines[shown:begin])
        yield "code", _code(block)
        shown = begin + 2 + block.text.count("\n")
    yield from _markdown(lines[shown:])


def _markdown(lines: list[str]) -> Iterator[tuple[str, str]]:
    source = "\n".join(line for line in lines if not line.startswith("<!--")).strip("\n")
    if source:
        yield "markdown", source


def _code(block: Block) -> str:
    text = block.text.rstrip("\n")
    return text if block.language == "python" else f"%%bash\n{text}"


def _cell(number: int, kind: str, source: str) -> dict[str, object]:
    lines = source.splitlines(keepends=True)
    cell: dict[str, object] = {
        "cell_type": kind, "id": f"part-{number}", "metadata": {}, "source": lines,
    }  # fmt: skip
    return cell | ({"execution_count": None, "outputs": []} if kind == "code" else {})


def notebook_path(page: Path) -> Path:
    """Where the notebook of a page lies: beside it."""
    return page.with_suffix(".ipynb")
