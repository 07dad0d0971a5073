"""`msrl-ext run SCRIPT ARGS` is `python SCRIPT ARGS` with the plugin active."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

SHOW = """
import json, sys
main = type(sys.modules["__main__"]).__name__
print(json.dumps([__name__, sys.argv[1:], sys.path[0], __file__, main]))
"""


@pytest.fixture
def both(hooked_python: Path, tmp_path: Path):
    """Runs a script with python and with msrl-ext run."""

    def run(script: str, *arguments: str):
        ways = [[hooked_python], [hooked_python, "-m", "mindspeed_rl_ext.cli", "run"]]
        return [
            subprocess.run(
                [*way, script, *arguments],
                cwd=tmp_path,
                capture_output=True,
                text=True,
                timeout=60,
                check=False,
            )
            for way in ways
        ]

    return run


def test_a_script_sees_what_python_would_show_it(both, tmp_path):
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "show.py").write_text(SHOW)
    plain, ours = both("inner/show.py", "--help", "--debug", "--", "x y")
    assert (ours.returncode, ours.stdout) == (plain.returncode, plain.stdout)
    assert ours.returncode == 0, ours.stderr


def test_a_directory_with_main_runs_too(both, tmp_path):
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "__main__.py").write_text("import helper; print(helper.X)")
    (tmp_path / "app" / "helper.py").write_text("X = 5")
    plain, ours = both("app")
    assert ours.stdout == plain.stdout == "5\n"


@pytest.mark.parametrize(
    "code",
    [
        "raise SystemExit(7)",
        "raise SystemExit('words')",
        "raise SystemExit",
        "raise FileNotFoundError('its own')",
        "def f():\n    return 1 / 0\nf()",
        "this is no Python",
    ],
)
def test_exit_codes_and_tracebacks_pass_through(both, tmp_path, code):
    (tmp_path / "script.py").write_text(code)
    plain, ours = both("script.py")
    assert ours.returncode == plain.returncode
    assert ours.stderr.splitlines()[-1:] == plain.stderr.splitlines()[-1:]
    assert "runpy" not in ours.stderr


def test_the_host_is_adapted_inside(both, tmp_path):
    (tmp_path / "script.py").write_text(
        "import sys\nprint([type(f).__name__ for f in sys.meta_path].count('HostFinder'))"
    )
    plain, ours = both("script.py")
    assert (plain.stdout, ours.stdout) == ("0\n", "1\n")


def test_no_script_and_a_missing_script_are_wrong_usage(hooked_python, tmp_path):
    for words in ([], ["none.py"]):
        done = subprocess.run(
            [hooked_python, "-m", "mindspeed_rl_ext.cli", "run", *words],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 2
        assert "script" in done.stderr
        assert "Traceback" not in done.stderr
