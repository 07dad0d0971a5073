"""Thin: pyproject.toml describes the package; this adds what a table cannot hold.

Every way to install carries configs/, the scripts and the activation `.pth`:
a wheel by `build_py`, an editable install (whose wheel has no place for a `.pth`) by adding it to
the finished wheel. Nothing is built inside the checkout, where an old build/ or *.egg-info would
leak into the next wheel.
"""

from __future__ import annotations

import atexit
import base64
import hashlib
import os
import runpy
import shutil
import tempfile
import zipfile
from pathlib import Path

from setuptools import Command, setup
from setuptools.command.build import build
from setuptools.command.build_py import build_py
from setuptools.command.editable_wheel import editable_wheel
from setuptools.command.egg_info import egg_info
from setuptools.command.sdist import sdist

HERE = Path(__file__).resolve().parent
PACKAGE = "mindspeed_rl_ext"
SHIPPED_FOLDERS = ("configs", "checkpoint_tools", "preprocess")
IGNORED = shutil.ignore_patterns("__pycache__", "*.pyc", ".*")
PTH = runpy.run_path(str(HERE / PACKAGE / "activation" / "pth.py"))
SCRATCH = Path(tempfile.mkdtemp(prefix="mindspeed-rl-ext-build-"))
atexit.register(shutil.rmtree, SCRATCH, ignore_errors=True)


class Build(build):
    """Builds outside the checkout."""

    def initialize_options(self) -> None:
        super().initialize_options()
        self.build_base = str(SCRATCH / "build")


class BuildPy(build_py):
    """Adds the shipped folders and the `.pth` to a wheel."""

    def run(self) -> None:
        super().run()
        if getattr(self, "editable_mode", False):
            return
        for folder in SHIPPED_FOLDERS:
            target = Path(self.build_lib, PACKAGE, "_shipped", folder)
            shutil.copytree(HERE / folder, target, ignore=IGNORED, dirs_exist_ok=True)
        Path(self.build_lib, PTH["PTH_NAME"]).write_text(PTH["startup_line"](), encoding="utf-8")


class EggInfo(egg_info):
    """Keeps *.egg-info out of the checkout: there it would be a second, stale distribution."""

    def finalize_options(self) -> None:
        if self.egg_base is None and "sdist" not in self.distribution.commands:
            self.egg_base = str(SCRATCH)
        super().finalize_options()


class Sdist(sdist):
    """Takes away the *.egg-info that a source archive needs while it is made."""

    def run(self) -> None:
        before = set(HERE.glob("*.egg-info"))
        super().run()
        for made in set(HERE.glob("*.egg-info")) - before:
            shutil.rmtree(made)


class EditableWheel(editable_wheel):
    """Adds the `.pth` to the wheel of an editable install."""

    def run(self) -> None:
        super().run()
        for wheel in Path(self.dist_dir).glob("*-0.editable-*.whl"):
            add_to_wheel(wheel, PTH["PTH_NAME"], PTH["startup_line"]().encode())


def add_to_wheel(wheel: Path, name: str, data: bytes) -> None:
    """Rewrites a wheel with one more file at its root, listed in RECORD."""
    digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
    aside = wheel.with_suffix(".tmp")
    with zipfile.ZipFile(wheel) as old, zipfile.ZipFile(aside, "w", zipfile.ZIP_DEFLATED) as new:
        for item in old.infolist():
            content = old.read(item)
            if item.filename.endswith(".dist-info/RECORD"):
                content = f"{name},sha256={digest},{len(data)}\n".encode() + content
            new.writestr(item, content)
        new.writestr(name, data)
    os.replace(aside, wheel)


COMMANDS: dict[str, type[Command]] = {
    "build": Build,
    "build_py": BuildPy,
    "egg_info": EggInfo,
    "editable_wheel": EditableWheel,
    "sdist": Sdist,
}
setup(cmdclass=COMMANDS)
