"""A verifier of another package is found by its entry point; a broken one is named."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

GOOD = """
from mindspeed_rl_ext import verifier

@verifier("from_plugin", levels=(1.0, 0.0))
def from_plugin(response: str) -> float:
    return float("ok" in response)
"""


def run_with_plugin(folder: Path, source: str, code: str) -> subprocess.CompletedProcess[str]:
    """Installs a real distribution (module and metadata) in a folder and runs code beside it."""
    (folder / "their_rewards.py").write_text(source)
    info = folder / "their_rewards-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: their-rewards\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[mindspeed_rl_ext.verifiers]\nfrom_plugin = their_rewards:from_plugin\n"
    )
    path = os.pathsep.join([str(folder), *filter(None, sys.path)])
    return subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True, text=True, check=False, env={**os.environ, "PYTHONPATH": path},
    )  # fmt: skip


def test_a_plugin_is_loaded_on_the_first_miss_and_not_before(tmp_path: Path) -> None:
    done = run_with_plugin(
        tmp_path,
        GOOD,
        "import sys; from mindspeed_rl_ext.verifiers import resolve, registry_names;"
        "resolve('countdown'); assert 'their_rewards' not in sys.modules;"
        "print(resolve('from_plugin')('ok').score, 'from_plugin' in registry_names())",
    )
    assert done.stdout.split() == ["1.0", "True"], done.stderr


@pytest.mark.parametrize("source", ["import not_there\n", "raise RuntimeError('boom')\n", "\n"])
def test_a_broken_plugin_is_an_error_that_names_it(tmp_path: Path, source: str) -> None:
    done = run_with_plugin(
        tmp_path,
        source,
        "from mindspeed_rl_ext.verifiers import resolve, is_ours\n"
        "resolve('countdown')\n"
        "print(is_ours('from_plugin'))\n"
        "resolve('from_plugin')",
    )
    assert done.stdout.strip() == "False"
    assert "InputError: the verifier plugin 'from_plugin' of their-rewards" in done.stderr
