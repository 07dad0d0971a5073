"""The program that writes the tables of the documentation, loaded as a module."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]
# `documented` and `reference` lie beside docs.py, `world` beside the tests.
for folder in (ROOT / "scripts", Path(__file__).parent):
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))


@pytest.fixture(scope="session")
def docs(repo_root: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("docs_program", repo_root / "scripts" / "docs.py")
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    assert spec.loader is not None
    spec.loader.exec_module(module)
    return module
