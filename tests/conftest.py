"""Shared fixtures: where the real data are, and reasons to skip."""

from __future__ import annotations

import os
import signal
import sysconfig
import venv
from pathlib import Path

import pytest
from hypothesis import settings

from mindspeed_rl_ext.activation.pth import PTH_NAME, startup_line

# A test does not time: on a busy machine an example may take any while.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

# A job in a shell's background ignores Ctrl-C, and what it starts would ignore it too.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

ROOT = Path(__file__).resolve().parents[1]


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Tests marked slow run with MSRL_EXT_SLOW=1, or where -m asks; long ones come first."""
    items.sort(key=lambda item: item.get_closest_marker("long") is None)
    if os.environ.get("MSRL_EXT_SLOW") == "1" or "slow" in config.option.markexpr:
        return
    for item in items:
        if item.get_closest_marker("slow"):
            item.add_marker(pytest.mark.skip(reason="slow: set MSRL_EXT_SLOW=1"))


@pytest.fixture(scope="session")
def repo_root() -> Path:
    return ROOT


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Real tokenizers and problem sets, where MSRL_EXT_TEST_DATA says."""
    named = os.environ.get("MSRL_EXT_TEST_DATA")
    if not named:
        pytest.skip("no real data: set MSRL_EXT_TEST_DATA")
    folder = Path(named)
    if not folder.is_dir():
        pytest.fail(f"MSRL_EXT_TEST_DATA={folder} is no directory")
    return folder


@pytest.fixture(scope="session")
def unhooked_python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Python with this checkout and the libraries of this environment, without the `.pth`."""
    return make_python(tmp_path_factory.mktemp("unhooked"))


@pytest.fixture(scope="session")
def hooked_python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same with the activation `.pth`."""
    python = make_python(tmp_path_factory.mktemp("hooked"))
    (site_packages(python.parents[1]) / PTH_NAME).write_text(startup_line())
    return python


def make_python(home: Path) -> Path:
    # The libraries come as a path: a `.pth` that lies among them is not read.
    venv.create(home, symlinks=True)
    paths = f"{ROOT}\n{sysconfig.get_path('purelib')}\n"
    (site_packages(home) / "a_checkout.pth").write_text(paths)
    return home / "bin" / "python"


def site_packages(home: Path) -> Path:
    return next(home.glob("lib/python*/site-packages"))
