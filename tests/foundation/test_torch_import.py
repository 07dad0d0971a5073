"""A real torch beside a device extension that cannot be loaded, as torch_npu without CANN."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from mindspeed_rl_ext.core.torch_import import AUTOLOAD, as_machine_error, without_device_extensions

MISSING = "libhccl.so: cannot open shared object file"
needs_torch = pytest.mark.skipif(find_spec("torch") is None, reason="torch is not installed")


@pytest.fixture
def run(tmp_path: Path):
    """Runs code in a new Python where an extension that cannot be loaded is installed."""
    (tmp_path / "broken_npu.py").write_text(f"raise ImportError({MISSING!r})")
    folder = tmp_path / "broken_npu-1.0.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: broken_npu\nVersion: 1.0\n")
    (folder / "entry_points.txt").write_text("[torch.backends]\nbroken_npu = broken_npu:load\n")

    def run_code(code: str) -> str:
        env = {name: value for name, value in os.environ.items() if name != AUTOLOAD}
        env["PYTHONPATH"] = os.pathsep.join([str(tmp_path), *filter(None, sys.path)])
        done = subprocess.run(
            [sys.executable, "-c", code], env=env, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run_code


@needs_torch
def test_a_torch_that_cannot_load_an_extension_is_an_error_with_a_remedy(run):
    shown = run(
        "from mindspeed_rl_ext.core.torch_import import as_machine_error\n"
        "try:\n    import torch\n"
        "except RuntimeError as error:\n    print(as_machine_error(error))\n"
        "else:\n    raise SystemExit('torch did not load the extension')"
    )
    assert MISSING in shown
    assert f"export {AUTOLOAD}=0" in shown


@needs_torch
def test_a_device_is_found_without_the_extension_that_cannot_be_loaded(run):
    shown = run(
        "import os\n"
        "from mindspeed_rl_ext.recipes.device import pick_device\n"
        f"print(pick_device(), os.environ.get('{AUTOLOAD}'))"
    )
    assert shown.split() in (["cpu", "None"], ["cuda", "None"])


@pytest.mark.parametrize("before", [None, "1"])
def test_the_variable_is_put_back_after_an_error(before, monkeypatch):
    monkeypatch.delenv(AUTOLOAD, raising=False)
    if before:
        monkeypatch.setenv(AUTOLOAD, before)
    inside = []

    def fail() -> None:
        with without_device_extensions():
            inside.append(os.environ[AUTOLOAD])
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert inside == ["0"]
    assert os.environ.get(AUTOLOAD) == before


def test_other_runtime_errors_are_left_alone():
    assert as_machine_error(RuntimeError("out of memory")) is None


def test_the_command_line_shows_the_remedy_without_a_traceback(monkeypatch, capsys):
    from mindspeed_rl_ext.cli import _dispatch

    def fail(words: list[str]) -> int:
        raise RuntimeError(f"Failed to load the backend extension: torch_npu. Set {AUTOLOAD}=0.")

    monkeypatch.setattr(_dispatch, "_dispatch", fail)
    assert _dispatch.main(["score"]) == 3
    shown = capsys.readouterr().err
    assert "source CANN's set_env.sh" in shown
    assert "Traceback" not in shown
    with pytest.raises(RuntimeError):
        _dispatch.main(["score", "--debug"])
