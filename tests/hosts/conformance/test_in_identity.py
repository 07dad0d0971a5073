"""Each checkout is recognised; a file of another version in it, or a second copy, is named."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from mindspeed_rl_ext.hosts.identity import identify


def files_only(line, folder: Path) -> Path:
    """A copy of the files by which the line is recognised; returns its package."""
    root = line.paths()[0]
    for file in line.adapter.files:
        if (root / file).is_file():
            (folder / file).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(root / file, folder / file)
    return folder / line.adapter.package


def linked(line, folder: Path, file: str, taken_from: Path) -> Path:
    """The whole checkout by links, with one file of another one in it."""
    root = line.paths()[0]
    shutil.copytree(root, folder, symlinks=True, copy_function=os.symlink,
                    ignore=shutil.ignore_patterns(".git", "__pycache__", "tests"))  # fmt: skip
    (folder / file).unlink()
    shutil.copy(taken_from / file, folder / file)
    return folder


def test_the_checkout_is_its_line(line):
    found = identify(line.adapter.package, [str(line.paths()[0] / line.adapter.package)])
    assert line.adapter.name.split()[-1] in found.line
    assert found.known
    assert not found.mixed


def test_each_file_of_another_version_in_it_is_found(line, others, tmp_path):
    if not others(line):
        pytest.skip("no other version of this host is configured")
    package = files_only(line, tmp_path)
    for other in others(line):
        for file in other.adapter.files:
            theirs, mine = other.paths()[0] / file, tmp_path / file
            before = mine.read_bytes() if mine.is_file() else None
            if not theirs.is_file() or theirs.read_bytes() == before:
                continue
            mine.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(theirs, mine)
            found = identify(line.adapter.package, [str(package)])
            assert file in dict(found.foreign), (other.name, file)
            assert found.line == line.adapter.name
            mine.unlink() if before is None else mine.write_bytes(before)


def test_the_doctor_and_an_import_name_it(line, others, host_python, tmp_path):
    """As a user meets it: a real tree with one file of the version before or after."""
    file = line.touched
    root = line.paths()[0]
    other = next((one for one in others(line) if _differs(root, one.paths()[0], file)), None)
    if other is None:
        pytest.skip("no other version of this host is configured")
    mixed = linked(line, tmp_path / "mixed", file, other.paths()[0])
    words = ["-m", "mindspeed_rl_ext.cli", "doctor", "--json"]
    findings = json.loads(_alone(host_python, [mixed, root], *words).stdout)
    by_id = {one["id"]: one for one in findings}
    half = by_id["host-half-updated"]
    assert half["level"] == "warning"
    assert file in half["cause"]
    assert line.adapter.name in half["cause"]
    copies = by_id["host-copies-differ"]
    assert f"{mixed / line.adapter.package} " in copies["cause"].partition(" is used")[0]
    assert str(root / line.adapter.package) in copies["cause"].partition(" is used")[2]
    # The package's own code does not matter to what is written before it runs.
    (mixed / line.adapter.package / "__init__.py").unlink()
    (mixed / line.adapter.package / "__init__.py").write_text("")
    done = _alone(host_python, [mixed, root], "-c", f"import {line.adapter.package}")
    assert f"has files of another version: {file} (" in done.stderr, done.stderr
    assert f"two copies of {line.adapter.package}: {mixed}" in done.stderr


def test_the_whole_host_runs_and_names_the_file(llm_line, others, run_host, tmp_path):
    """2.3's arguments.py in 26.0's tree, through the host's own import."""
    if llm_line.name != "LLM_260":
        pytest.skip("run once, with the pair that was met")
    other = next((one for one in others(llm_line) if one.name == "LLM_23"), None)
    if other is None:
        pytest.skip("no other version of this host is configured")
    mixed = linked(llm_line, tmp_path / "mixed", llm_line.touched, other.paths()[0])
    search = os.pathsep.join(map(str, [mixed, *llm_line.paths()[1:]]))
    done = run_host(llm_line, "-c", "import mindspeed_llm", PYTHONPATH=search)
    assert "mindspeed_llm/training/arguments.py (MindSpeed-LLM 2.3)" in done.stderr


def _differs(one: Path, other: Path, file: str) -> bool:
    return (one / file).read_bytes() != (other / file).read_bytes()


def _alone(python: Path, roots: list[Path], *words: object) -> subprocess.CompletedProcess[str]:
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(("MSRL", "PYTHON"))}
    return subprocess.run(
        [python, *words], env={**inherited, "PYTHONPATH": os.pathsep.join(map(str, roots))},
        cwd=roots[0], capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
