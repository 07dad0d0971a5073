"""Nothing that is shipped points at what is not there: pages, paths, papers of the makers."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from mindspeed_rl_ext.cli._dispatch import command_names
from mindspeed_rl_ext.doctor.rulebook import load_rules

ROOT = Path(__file__).resolve().parents[2]
TEXTS = {".py", ".md", ".yaml", ".yml", ".toml", ".sh", ".json", ".txt", ".in", ".cff", ".jsonl"}
# Names of papers that lie outside the repository, and the place of this checkout.
OUTSIDE = re.compile(rf"\bDESIGN\b|\bseeds?/\d|\bfacts/\w|{re.escape(str(ROOT))}/")
LINK = re.compile(r"\]\((?!https?:|mailto:|#)([^)\s]+)\)")
# Paths of the repository in backquotes; a placeholder in capitals, a star or braces is none.
FOLDERS = "benchmarks|checkpoint_tools|configs|docs|mindspeed_rl_ext|preprocess|scripts|tests"
NAMED = re.compile(rf"`((?:{FOLDERS})/[\w./-]*[\w/])`")

IGNORED = {
    line.strip("/")
    for line in (ROOT / ".gitignore").read_text("utf-8").splitlines()
    if line.endswith("/") and "*" not in line
}


def texts() -> Iterator[Path]:
    """The text files of the checkout; nothing of hidden folders and build outputs."""
    for path in sorted(ROOT.rglob("*")):
        inner = path.relative_to(ROOT).parts
        hidden = any(one.startswith(".") or one.endswith((".egg-info", "build")) for one in inner)
        hidden = hidden or not IGNORED.isdisjoint(inner)  # what a quickstart left, for example
        if path.suffix in TEXTS and not hidden and path.is_file():
            yield path


def pages() -> list[Path]:
    return [path for path in texts() if path.suffix == ".md"]


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def test_no_file_names_what_lies_outside_the_repository():
    found = [
        f"{name_of(path)}:{number}: {line.strip()}"
        for path in texts()
        if path != Path(__file__).resolve()
        for number, line in enumerate(path.read_text("utf-8", "replace").splitlines(), 1)
        if OUTSIDE.search(line)
    ]
    assert found == []


def test_the_check_finds_such_names():
    for line in ("see DESIGN section 6", "(seeds/002)", "from facts/hosts.md", f"in {ROOT}/x"):
        assert OUTSIDE.search(line), line
    for line in ("design", "random seeds 1/2", "artifacts/x", "framework/facts"):
        assert not OUTSIDE.search(line), line


@pytest.mark.parametrize("page", pages(), ids=name_of)
def test_every_link_and_path_of_a_page_leads_somewhere(page):
    text = page.read_text(encoding="utf-8")
    links = (link.partition("#")[0] for link in LINK.findall(text))
    lost = [link for link in links if link and not (page.parent / link).exists()]
    # Packages have a folder preprocess/ and so has the root: either will do.
    package = ROOT / "mindspeed_rl_ext"
    for named in NAMED.findall(text):
        if not (ROOT / named).exists() and not (package / named).exists():
            lost.append(named)
    assert lost == []


@pytest.mark.parametrize("page", pages(), ids=name_of)
def test_every_heading_that_a_link_names_is_there(page):
    for link in LINK.findall(page.read_text(encoding="utf-8")):
        file, _, heading = link.partition("#")
        target = page.parent / file if file else page
        if heading and target.suffix == ".md":
            rows = target.read_text(encoding="utf-8").splitlines()
            anchors = {_anchor(row) for row in rows if row.startswith("#")}
            assert heading in anchors, link


def _anchor(heading: str) -> str:
    words = heading.lstrip("#").strip().lower()
    return re.sub(r"[^\w\- ]", "", words).replace(" ", "-")


# Code, comments: what is no text that a page shows.
NO_TEXT = re.compile(r"^ *```.*?^ *```|<!--.*?-->|`[^`\n]+`", re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("page", pages(), ids=name_of)
def test_nothing_that_a_page_says_is_taken_for_a_tag(page):
    """`<think>` outside code is one to a browser, which shows nothing of it."""
    text = NO_TEXT.sub("", page.read_text(encoding="utf-8"))
    assert re.findall(r"</?[A-Za-z_][^>\n]*>", text) == []


# Pages that name rules of the doctor, in backquotes; a key of a host and a program look like one.
PAGES_WITH_RULES = [
    f"docs/{language}/{name}.md"
    for language in ("en", "zh")
    for name in ("faq", "notes_to_commands")
]
NO_RULES = {"has-labels", "huggingface-cli"}
RULE = re.compile(r"`([a-z]+(?:-[a-z0-9]+)+)`")


@pytest.mark.parametrize("page", PAGES_WITH_RULES)
def test_every_rule_that_a_page_names_is_there(page):
    named = set(RULE.findall((ROOT / page).read_text(encoding="utf-8")))
    assert named  # the pattern still finds them
    assert named - NO_RULES - set(command_names()) <= {rule.id for rule in load_rules()}
