"""A Python with the hook, and a small package named like a host."""

from __future__ import annotations

import os
import subprocess
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest


@pytest.fixture
def run_python(hooked_python: Path, tmp_path: Path) -> Callable[..., subprocess.CompletedProcess]:
    """Runs code in a fresh Python that has the `.pth`."""

    def run(code: str, *flags: str, python: Path = hooked_python, **env: str):
        inherited = {k: v for k, v in os.environ.items() if not k.startswith(("MSRL", "PYTHON"))}
        return subprocess.run(
            [python, *flags, "-c", textwrap.dedent(code)],
            env={**inherited, **env},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    return run


@pytest.fixture
def host(tmp_path: Path) -> Path:
    """A package named mindspeed_rl that holds one of the watched modules."""
    package = tmp_path / "mindspeed_rl"
    checks = package / "config_cls"
    checks.mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (checks / "__init__.py").write_text("")
    (checks / "validate_config.py").write_text(
        "LOADER = __loader__\n"
        "RUNS = globals().get('RUNS', 0) + 1\n"
        "def validate_data_handler_config(config):\n"
        "    if config.handler_name != 'AlpacaStyleInstructionHandler':\n"
        "        raise ValueError(config.handler_name)\n"
    )
    return tmp_path
