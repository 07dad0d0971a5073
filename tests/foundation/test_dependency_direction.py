"""Rooms import in one direction only: the table of DESIGN section 2."""

from __future__ import annotations

import ast
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


def room_of(path: Path) -> str:
    return path.relative_to(ROOT / PACKAGE).with_suffix("").parts[0]


def imported(path: Path) -> set[str]:
    """Full names of all modules that a file imports, anywhere in it, also only for types."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports relatively"
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
    return names


def faults(path: Path) -> list[str]:
    room = room_of(path)
    allowed = {room, "core", "version", *MAY_IMPORT.get(room, set())}
    found = []
    for name in imported(path):
        top, *rest = name.split(".")
        inner = rest[0] if top == PACKAGE and rest else ""
        if inner and (ROOT / PACKAGE / inner).exists() | (ROOT / PACKAGE / f"{inner}.py").exists():
            found += [] if inner in allowed else [f"{path}: {room} imports {inner}"]
        if room in ENGINES and top in NOT_IN_ENGINES:
            found.append(f"{path}: an engine imports {top}")
        if room in NO_TORCH_IN and top == "torch":
            found.append(f"{path}: {room} imports torch")
    return found


def test_every_room_has_a_row():
    assert {room_of(path) for path in SOURCES} <= set(MAY_IMPORT)


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(ROOT / PACKAGE)))
def test_a_file_imports_only_what_its_room_may(path):
    assert faults(path) == []


def test_the_check_finds_a_wrong_import(tmp_path, monkeypatch):
    package = tmp_path / PACKAGE
    for room in ("verifiers", "preprocess", "hosts"):
        (package / room).mkdir(parents=True)
    bad = package / "verifiers" / "bad.py"
    bad.write_text(
        f"def f():\n    import {PACKAGE}.hosts.fit\nfrom {PACKAGE} import preprocess\n"
        "import ray.actor\nfrom torch import nn\n"
    )
    monkeypatch.setitem(globals(), "ROOT", tmp_path)
    assert len(faults(bad)) == 4


def test_the_doors_import_the_package_and_the_standard_library_only():
    import sys

    for folder in ("checkpoint_tools", "preprocess"):
        for path in (ROOT / folder).rglob("*.py"):
            tops = {name.split(".")[0] for name in imported(path)}
            assert tops <= {PACKAGE, *sys.stdlib_module_names}, path
            assert path.stem not in sys.stdlib_module_names, path
