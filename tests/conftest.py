"""Shared fixtures: where the real data are, and reasons to skip."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sysconfig
import tempfile
import time
import venv
from collections.abc import Iterator, Mapping
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


class RayNodes:
    """Nodes of a Ray cluster on this machine, each with an address and a directory of its own.

    The first one that starts is the head.
    """

    head = "127.0.0.1"
    token = "the-token-of-this-cluster-0123456789"

    def __init__(self) -> None:
        self.temp = Path(tempfile.mkdtemp(prefix="r"))  # a socket's path has 107 bytes at most
        with socket.socket() as free:
            free.bind((self.head, 0))
            self._port = free.getsockname()[1]
        self.address = f"{self.head}:{self._port}"
        self._started: list[subprocess.Popen[bytes]] = []

    def settings(self, token: str = token) -> dict[str, str]:
        """Variables of every process that takes part."""
        return {
            "RAY_USAGE_STATS_ENABLED": "0", "RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": token,
        }  # fmt: skip

    def start(
        self, python: Path | str, ip: str, directory: Path, environment: Mapping[str, str]
    ) -> Path:
        """Starts a node and waits for it; returns its log, which lies beside its directory."""
        head = ["--head", f"--port={self._port}", f"--temp-dir={self.temp}"]
        head += ["--include-dashboard=false"]
        role = [f"--address={self.address}"] if self._started else head
        words = [python, "-m", "ray.scripts.scripts", "start", *role, f"--node-ip-address={ip}"]
        log = directory.parent / f"{ip}.log"
        with log.open("wb") as output:
            self._started.append(
                subprocess.Popen(
                    [*words, "--num-cpus=1", "--block"],
                    cwd=directory, env={**environment, "PWD": str(directory)},
                    stdout=output, stderr=subprocess.STDOUT, start_new_session=True,
                )
            )  # fmt: skip
        # Two that start at the same time take each other's ports.
        for _ in range(400):
            if "Ray runtime started" in log.read_text():
                return log
            if self._started[-1].poll() is not None:
                break
            time.sleep(0.1)
        pytest.fail(log.read_text()[-2000:])

    def end(self) -> None:
        for process in reversed(self._started):
            process.terminate()
        for process in reversed(self._started):
            try:
                process.wait(40)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, 9)
        shutil.rmtree(self.temp, ignore_errors=True)


@pytest.fixture(scope="module")
def ray_nodes() -> Iterator[RayNodes]:
    """A Ray cluster without nodes; those that a test starts end with its module."""
    nodes = RayNodes()
    try:
        yield nodes
    finally:
        nodes.end()
