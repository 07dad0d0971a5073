"""Fresh environments with the package installed in each of the ways there are."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Callable
from pathlib import Path

import pytest

SHIPPED = ("configs", "checkpoint_tools", "preprocess")
NOT_SOURCE = shutil.ignore_patterns(
    ".git", ".venv*", "build", "dist", "*.egg-info", "__pycache__", ".*_cache", ".hypothesis"
)


def run(*words: object, cwd: Path, **env: str) -> subprocess.CompletedProcess[str]:
    """Runs a command outside the checkout, without this process's Python variables."""
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "MSRL"))}
    return subprocess.run(
        list(map(str, words)),
        cwd=cwd,
        env={**inherited, **env},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def succeed(*words: object, cwd: Path, **env: str) -> str:
    done = run(*words, cwd=cwd, **env)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="session", name="succeed")
def succeed_fixture() -> Callable[..., str]:
    """Runs a command that must exit with 0; returns what it printed."""
    return succeed


@pytest.fixture(scope="session")
def builder() -> None:
    """Building without isolation needs setuptools and wheel beside the tests."""
    pytest.importorskip("setuptools", reason="building needs setuptools")
    pytest.importorskip("wheel", reason="building needs wheel")
    pytest.importorskip("pip", reason="installing needs pip")


@pytest.fixture(scope="session")
def checkout(tmp_path_factory: pytest.TempPathFactory, repo_root: Path) -> Path:
    """A copy of the source tree, so that building cannot touch the real one."""
    copy = tmp_path_factory.mktemp("source") / "checkout"
    shutil.copytree(repo_root, copy, ignore=NOT_SOURCE, symlinks=True)
    return copy


@pytest.fixture(scope="session")
def wheel(builder, checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    succeed(
        sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "-w", folder,
        checkout, cwd=folder,
    )  # fmt: skip
    [made] = folder.glob("*.whl")
    return made


@pytest.fixture(scope="session")
def sdist(builder, checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sdist")
    code = f"from setuptools import build_meta; build_meta.build_sdist({str(folder)!r})"
    succeed(sys.executable, "-c", code, cwd=checkout)
    [made] = folder.glob("*.tar.gz")
    return made


class Environment:
    """A fresh virtual environment that pip of this process installs into."""

    def __init__(self, home: Path) -> None:
        venv.create(home, symlinks=True)
        self.home = home
        self.python = home / "bin" / "python"
        [self.site] = home.glob("lib/python*/site-packages")
        (self.site / "neighbour.py").write_text("")  # pip removes the folder with its last file
        self.way, self.before = "", self.files()

    def pip(self, *words: object, backend: bool = True) -> str:
        """Runs pip on this environment; the build backend is borrowed from the test's own."""
        borrowed = {"PYTHONPATH": sysconfig.get_path("purelib")} if backend else {}
        return succeed(
            sys.executable, "-m", "pip", "--python", self.python, *words, cwd=self.home, **borrowed
        )

    def install(self, *words: object) -> None:
        self.pip("install", "--no-deps", "--no-build-isolation", *words)

    def run(self, code: str, *, cwd: Path | None = None, **env: str) -> str:
        return succeed(self.python, "-c", code, cwd=cwd or self.home, **env)

    def files(self) -> set[str]:
        """Everything in the environment but bytecode."""
        found = (p.relative_to(self.home) for p in self.home.rglob("*"))
        return {str(p) for p in found if "__pycache__" not in p.parts}


@pytest.fixture
def environment(tmp_path: Path) -> Environment:
    return Environment(tmp_path / "venv")


WAYS = ("source folder", "editable", "wheel", "source archive")


@pytest.fixture(scope="session")
def install(builder, request) -> Callable[[Environment, str], None]:
    """Installs the package into an environment in one of the ways."""

    def into(environment: Environment, way: str) -> None:
        built = {"wheel": "wheel", "source archive": "sdist"}.get(way, "checkout")
        environment.way, environment.before = way, environment.files()
        environment.install(*["-e"] * (way == "editable"), request.getfixturevalue(built))

    return into


@pytest.fixture(scope="session", params=WAYS)
def installed(request, install, tmp_path_factory) -> Environment:
    """An environment with the package, in each of the ways; tests leave it as it is."""
    environment = Environment(tmp_path_factory.mktemp("installed") / "venv")
    install(environment, request.param)
    return environment


@pytest.fixture(params=WAYS)
def installed_alone(request, install, environment) -> Environment:
    """The same, for one test alone."""
    install(environment, request.param)
    return environment
