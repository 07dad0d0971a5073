"""The page on verifiers names every built-in and every policy, in both languages alike."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import pytest

from mindspeed_rl_ext.verifiers import Outcome, Policy, equivalent
from mindspeed_rl_ext.verifiers.registry import registry_names, verifier_named

PAGES = ("docs/en/verifiers.md", "docs/zh/verifiers.md")


def cells(page: str, header: str) -> list[list[str]]:
    """The rows of the table whose header begins with a word."""
    lines = page.splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith(f"| {header} |"))
    rows = []
    for line in lines[start + 2 :]:
        if not line.startswith("|"):
            break
        rows.append([cell.strip() for cell in line.strip("|").split(" | ")])
    return rows


@pytest.mark.parametrize("path", PAGES)
def test_every_built_in_and_every_policy_has_its_row(repo_root: Path, path: str) -> None:
    page = (repo_root / path).read_text(encoding="utf-8")
    ours = [n for n in registry_names() if ".builtin." in verifier_named(n).function.__module__]
    for name in ours:
        assert re.search(rf"(?m)^\| `{name}[`(]", page), name
    for field in fields(Policy):
        assert f"`{field.name}={field.default}`" in page
    for outcome in Outcome:
        assert outcome.value in page


def test_both_languages_show_the_same_examples(repo_root: Path) -> None:
    english, chinese = ((repo_root / path).read_text(encoding="utf-8") for path in PAGES)
    code = [re.findall(r"`[^`\n]+`", text) for text in (english, chinese)]
    assert sorted(code[0]) == sorted(code[1])


@pytest.mark.parametrize(
    ("prediction", "reference", "same"),
    [
        (r"10\%", "10", True), (r"10\%", "0.1", False), (r"5\%", r"5^\circ", False),
        ("1.000,5", "1000.5", True), ("1,5", "1.5", False), ("p=3, q=2", "(3, 2)", True),
        ("AB = 5", "5", True), ("x = 41 = 42", "42", False), (r"2\frac{3}{2}", "3.5", False),
        (r"5\text{ km/h}", r"5\text{ kilometers per hour}", True),
        ("3, 2", "(3, 2)", True), ("(1,2), (1,2)", "(1,2)", True), ("[1,2]", "(1,2)", False),
        (r"\int_0^1 \frac{dx}{1+x^2}", r"\frac{\pi}{4}", True), ("2^{2n}", "4^n", True),
        (r"12 \pmod 7", r"5 \bmod 7", True), ("x=3", r"x\equiv 3\pmod 7", False),
        ("17 students", "17", True), ("3:30 pm", "3:30 am", False), ("(-1)^n", "1", False),
    ],
)  # fmt: skip
def test_the_examples_of_the_page_hold(prediction: str, reference: str, same: bool) -> None:
    assert (equivalent(prediction, reference).outcome is Outcome.CORRECT) == same
