"""The page "your own verifier in a minute" works as written, in both languages."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_code_of_the_page_prints_what_its_comments_say(repo_root: Path, language: str) -> None:
    page = (repo_root / "docs" / language / "your_own_verifier.md").read_text(encoding="utf-8")
    code = "\n".join(re.findall(r"```python\n(.*?)```", page, re.DOTALL))
    expected = re.findall(r"print\(.*?\)  # (.*)", code)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == expected
    assert len(expected) == 3


def test_both_pages_have_the_same_code_and_as_many_headings(repo_root: Path) -> None:
    pages = [
        (repo_root / "docs" / language / "your_own_verifier.md").read_text(encoding="utf-8")
        for language in ("en", "zh")
    ]
    blocks = [re.findall(r"```\w+\n.*?```", page, re.DOTALL) for page in pages]
    assert blocks[0] == blocks[1]
    headings = [len(re.findall(r"^#+ ", page, re.MULTILINE)) for page in pages]
    assert headings[0] == headings[1]
