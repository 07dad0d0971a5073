"""Parts import in one direction only, by statement and by string:

cli -> recipes -> doctor -> activation -> hosts -> checkpoint | preprocess | verifiers | algorithms
-> core, and recipes -> integrations, report -> the same engines.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = "mindspeed_rl_ext"
ENGINES = {"checkpoint", "preprocess", "verifiers", "algorithms"}
# A part may import itself, core and the parts of its row.
MAY_IMPORT: dict[str, set[str]] = {
    "core": {"version"},
    **{engine: set() for engine in ENGINES},
    "hosts": ENGINES,
    "activation": {"hosts"},
    "integrations": ENGINES,
    "report": ENGINES,
    "doctor": {"hosts", "activation", "integrations", *ENGINES},
    # The doctor looks before a cluster's trainer starts.
    "recipes": {"integrations", "report", "doctor", *ENGINES},
    "cli": {"activation", "hosts", "doctor", "integrations", "report", "recipes", *ENGINES},
    "version": set(),
    "__init__": {"activation", "verifiers", "version"},
}
# Libraries that would tie an engine to a host or a framework.
NOT_IN_ENGINES = {
    "mindspeed", "mindspeed_llm", "mindspeed_rl", "megatron", "torch_npu", "ray", "vllm", "trl",
}  # fmt: skip
NO_TORCH_IN = {"preprocess", "verifiers", "hosts", "activation", "doctor", "report", "core", "cli"}

ROOT = Path(__file__).resolve().parents[2]
SOURCES = sorted((ROOT / PACKAGE).rglob("*.py"))


# Strings that name a part without importing it.
ONLY_NAMED = {
    # The command line that `train --print` shows to the user.
    ("recipes/training/launch.py", f"{PACKAGE}.cli"),
    # The Chinese of a remedy that is a command.
    ("core/catalog/zh/verifiers.py", f"{PACKAGE}.verifiers.pool.helper"),
}
_IN_TEXT = re.compile(rf"\b{PACKAGE}(?:\.\w+)+")


def part_of(path: Path) -> str:
    return path.relative_to(ROOT / PACKAGE).with_suffix("").parts[0]


def imported(path: Path) -> set[str]:
    """Full names of all modules that a file imports, anywhere in it, also only for types."""
    names: set[str] = set()
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports relatively"
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Call) and name_of(node.func) in ("import_module", "__import__"):
            names.update(one.value for one in node.args[:1] if isinstance(one, ast.Constant))
    return names | {
        name for name in named_in_strings(tree) if (inside(path), name) not in ONLY_NAMED
    }


def name_of(function: ast.expr) -> str:
    return getattr(function, "attr", getattr(function, "id", ""))


def inside(path: Path) -> str:
    package = ROOT / PACKAGE
    return str(path.relative_to(package)) if path.is_relative_to(package) else ""


def named_in_strings(tree: ast.AST) -> Iterator[str]:
    """Modules of ours that texts name: tables of "module:function", code for another Python."""
    documents = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        text = isinstance(node, ast.Constant) and isinstance(node.value, str)
        if text and id(node) not in documents:
            yield from _IN_TEXT.findall(node.value)


def faults(path: Path) -> list[str]:
    part = part_of(path)
    allowed = {part, "core", "version", *MAY_IMPORT.get(part, set())}
    found = []
    for name in imported(path):
        top, *rest = name.split(".")
        inner = rest[0] if top == PACKAGE and rest else ""
        if inner and (ROOT / PACKAGE / inner).exists() | (ROOT / PACKAGE / f"{inner}.py").exists():
            found += [] if inner in allowed else [f"{path}: {part} imports {inner}"]
        if part in ENGINES and top in NOT_IN_ENGINES:
            found.append(f"{path}: an engine imports {top}")
        if part in NO_TORCH_IN and top == "torch":
            found.append(f"{path}: {part} imports torch")
    return found


def test_every_part_has_a_row():
    assert {part_of(path) for path in SOURCES} <= set(MAY_IMPORT)


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(ROOT / PACKAGE)))
def test_a_file_imports_only_what_its_part_may(path):
    assert faults(path) == []


def test_the_check_finds_a_wrong_import(tmp_path, monkeypatch):
    package = tmp_path / PACKAGE
    for part in ("verifiers", "preprocess", "hosts"):
        (package / part).mkdir(parents=True)
    bad = package / "verifiers" / "bad.py"
    bad.write_text(
        f"def f():\n    import {PACKAGE}.hosts.fit\nfrom {PACKAGE} import preprocess\n"
        "import ray.actor\nfrom torch import nn\n"
    )
    monkeypatch.setitem(globals(), "ROOT", tmp_path)
    assert len(faults(bad)) == 4


@pytest.mark.parametrize(
    "line",
    [
        "ENGINES = {'ray': '{p}.hosts.fit:score'}",
        "LAZY = {'fit': ('{p}.hosts.fit', 'fit')}",
        "import_module('{p}.hosts')",
        "import_module(f'{p}.hosts.{name}')",
        "CODE = 'import sys; from {p}.hosts.fit import main; main()'",
        "import_module('ray')",
    ],
)
def test_the_check_finds_an_import_by_string(tmp_path, monkeypatch, line):
    (tmp_path / PACKAGE / "hosts").mkdir(parents=True)
    bad = tmp_path / PACKAGE / "verifiers" / "bad.py"
    bad.parent.mkdir()
    head = f'"""Does not cover: {PACKAGE}.hosts."""\nfrom importlib import import_module\n'
    bad.write_text(head + line.replace("{p}", PACKAGE) + "\n")
    monkeypatch.setitem(globals(), "ROOT", tmp_path)
    assert len(faults(bad)) == 1


def test_the_scripts_import_the_package_and_the_standard_library_only():
    import sys

    for folder in ("checkpoint_tools", "preprocess"):
        for path in (ROOT / folder).rglob("*.py"):
            tops = {name.split(".")[0] for name in imported(path)}
            assert tops <= {PACKAGE, *sys.stdlib_module_names}, path
            assert path.stem not in sys.stdlib_module_names, path
