"""The checks of the activation: the .pth, the switch, the hook, the hosts on the path."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from mindspeed_rl_ext.activation.pth import PTH_NAME
from mindspeed_rl_ext.doctor.readers.environment import Environment, Installed
from mindspeed_rl_ext.doctor.rules.environment import activation

DOUBLE = Path(__file__).parents[1] / "hosts" / "doubles" / "rl_22"


@pytest.fixture
def doctor(hooked_python: Path, tmp_path: Path):
    """Runs `msrl-ext doctor --json` in a fresh Python; returns the exit code and findings."""

    def run(*paths: Path, flags: tuple[str, ...] = (), **env: str):
        inherited = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "MSRL"))}
        done = subprocess.run(
            [hooked_python, *flags, "-m", "mindspeed_rl_ext.cli", "doctor", "--json"],
            env={**inherited, "PYTHONPATH": os.pathsep.join(map(str, paths)), **env},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.stdout, done.stderr
        return done.returncode, json.loads(done.stdout)

    return run


def causes(findings, *levels):
    return [f["cause"] for f in findings if f["level"] in levels]


def test_a_hooked_python_without_hosts_is_healthy(doctor):
    code, findings = doctor()
    assert (code, causes(findings, "error")) == (0, [])
    assert any("neither MindSpeed" in cause for cause in causes(findings, "note", "ok"))


def test_being_turned_off_is_an_error(doctor):
    code, findings = doctor(MSRL_EXT_DISABLE="1")
    assert code == 1
    [cause] = causes(findings, "error")
    assert "turned off" in cause


def test_a_host_that_fits_is_found_without_importing_it(doctor, tmp_path):
    folder = tmp_path / "host"
    shutil.copytree(DOUBLE, folder)
    package = folder / "mindspeed_rl"
    (package / "__init__.py").write_text("raise SystemExit('imported')")
    code, findings = doctor(folder)
    assert code == 0, findings
    fits = [c for c in causes(findings, "note", "ok") if "fits" in c and "MindSpeed-RL 2.2" in c]
    # The double has no preprocessing script, so the points of preprocessing are never called.
    assert len(fits) >= 2


def test_a_host_that_has_changed_is_an_error_with_the_ledger_row(doctor, tmp_path):
    folder = tmp_path / "host"
    shutil.copytree(DOUBLE, folder)
    rules = folder / "mindspeed_rl" / "models" / "rule_verifier.py"
    rules.write_text(rules.read_text().replace("def verifier(responses,", "def verifier(texts,"))
    code, findings = doctor(folder)
    assert code == 1
    errors = [f for f in findings if f["level"] == "error"]
    assert {f["place"].split(":")[0] for f in errors} == {"LEDGER RL-1", "LEDGER RL-2"}
    rules.unlink()
    code, findings = doctor(folder)
    assert code == 1
    assert "no such module" in " ".join(causes(findings, "error"))


@pytest.mark.parametrize("copies", [0, 1, 2])
def test_exactly_one_pth_is_right(tmp_path, copies):
    folders = []
    for number in range(2):
        folder = tmp_path / str(number)
        folder.mkdir()
        folders.append(folder)
        if number < copies:
            (folder / PTH_NAME).write_text("")
    ours = (Installed("0.1.0", "wheel", "/site"),)
    around = Environment((3, 11, 0), {}, ours, tuple(folders))
    [found] = activation.pth_files(around)
    assert found.level == ["error", "ok", "warning"][copies]


def test_the_static_probe_agrees_with_the_one_on_the_imported_module(tmp_path, monkeypatch):
    """Both read the same expectations; a change of either must not let them drift apart."""
    import importlib.util

    from mindspeed_rl_ext.hosts.catalog import load_adapters
    from mindspeed_rl_ext.hosts.probe import misfits, source_misfits

    for adapter in load_adapters():
        for point in adapter.points:
            if not point.module.startswith("mindspeed_rl."):
                continue
            inner = point.module.split(".", 1)[1].replace(".", "/")
            path = DOUBLE / "mindspeed_rl" / f"{inner}.py"
            spec = importlib.util.spec_from_file_location("a_double", path)
            module = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(module)
            both = (
                bool(misfits(module, point.probe)),
                bool(source_misfits(path.read_text(), point.probe)),
            )
            assert both[0] == both[1], (adapter.name, point.attribute)
