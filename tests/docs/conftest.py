"""The program that writes the tables of the documentation, loaded as a module."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture(scope="session")
def docs(repo_root: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("docs_program", repo_root / "scripts" / "docs.py")
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    assert spec.loader is not None
    spec.loader.exec_module(module)
    return module
