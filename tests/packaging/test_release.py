"""The commands of a release, `python -m build` and `twine check`, on a copy of the source."""

from __future__ import annotations

import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from mindspeed_rl_ext.version import __version__


@pytest.fixture(scope="module")
def release(builder, checkout: Path, succeed, tmp_path_factory) -> list[Path]:
    """The archives of one `python -m build`, by name: the wheel, the source archive."""
    pytest.importorskip("build", reason="the test extra has build")
    folder = tmp_path_factory.mktemp("release")
    words = ("build", "--no-isolation", "-o", folder, checkout)
    succeed(sys.executable, "-m", *words, cwd=folder)
    return sorted(folder.iterdir(), key=lambda path: path.suffix != ".whl")


def test_build_makes_one_wheel_and_one_source_archive_of_this_version(release):
    # setuptools before 69 spells the name of a source archive with hyphens.
    names = [path.name.replace("mindspeed-rl-ext", "mindspeed_rl_ext") for path in release]
    assert names == [
        f"mindspeed_rl_ext-{__version__}-py3-none-any.whl",
        f"mindspeed_rl_ext-{__version__}.tar.gz",
    ]


def test_twine_finds_nothing_in_either_archive(release, succeed, tmp_path):
    pytest.importorskip("twine", reason="the test extra has twine")
    checked = succeed(sys.executable, "-m", "twine", "check", "--strict", *release, cwd=tmp_path)
    assert checked.count("PASSED") == len(release)


def test_the_archives_hold_the_licence_and_every_shipped_config_and_no_test(release, checkout):
    wheel, source = release
    in_wheel = set(zipfile.ZipFile(wheel).namelist())
    with tarfile.open(source) as archive:
        in_source = {name.partition("/")[2] for name in archive.getnames()}
    assert any(name.endswith("/LICENSE") for name in in_wheel)
    assert {"LICENSE", "README.md", "CHANGELOG.md", "pyproject.toml"} <= in_source
    for config in (checkout / "configs").rglob("*.yaml"):
        path = config.relative_to(checkout).as_posix()
        assert path in in_source
        assert f"mindspeed_rl_ext/_shipped/{path}" in in_wheel
    for names in (in_wheel, in_source):
        assert not [name for name in names if "__pycache__" in name or name.endswith(".pyc")]
    assert not [name for name in in_wheel if name.startswith("tests/")]
