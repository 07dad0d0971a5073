"""Shared fixtures: where the real data are, and reasons to skip."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def repo_root() -> Path:
    return ROOT


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Real tokenizers and problem sets, beside the checkout or where MSRL_EXT_TEST_DATA says."""
    folder = Path(os.environ.get("MSRL_EXT_TEST_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"no real data at {folder}; set MSRL_EXT_TEST_DATA")
    return folder
