"""The source keeps its habits: examples run, files and functions are short, modules explain."""

from __future__ import annotations

import ast
import doctest
import importlib
import io
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCES = sorted((ROOT / "mindspeed_rl_ext").rglob("*.py"))
MAX_LINES = 400
MAX_FUNCTION_LINES = 60
# Parts whose examples need torch or more are run by their own tests.
HEAVY_ROOMS = {"algorithms", "recipes", "integrations", "report"}


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def module_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def has_light_examples(path: Path) -> bool:
    return path.relative_to(ROOT).parts[1] not in HEAVY_ROOMS and ">>>" in path.read_text("utf-8")


@pytest.mark.parametrize("path", [p for p in SOURCES if has_light_examples(p)], ids=name_of)
def test_examples_in_docstrings_run(path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    try:
        module = importlib.import_module(module_of(path))
    except ModuleNotFoundError as error:
        if str(error.name).startswith("mindspeed_rl_ext"):
            raise  # a module of ours is missing
        pytest.skip(f"needs {error.name}")
    finders = list(sys.meta_path)
    output = io.StringIO()
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
    for test in doctest.DocTestFinder().find(module):
        runner.run(test, out=output.write)
    sys.meta_path[:] = finders
    assert runner.failures == 0, output.getvalue()


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_files_and_functions_are_short_enough_to_read(path):
    text = path.read_text(encoding="utf-8")
    # The tables of messages are as long as there are messages.
    assert "catalog" in path.parts or len(text.splitlines()) <= MAX_LINES
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            length = node.end_lineno - node.lineno + 1
            assert length <= MAX_FUNCTION_LINES, f"{node.name} has {length} lines"


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_a_module_says_what_it_is_for(path):
    assert ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))), "no docstring"
