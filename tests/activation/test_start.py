"""A Python with the package installed starts as fast, as quiet and as bare as one without."""

from __future__ import annotations

import sys

import pytest

from mindspeed_rl_ext.activation.pth import startup_line

# What site itself imports, to read a .pth among other things.
OF_SITE = {
    "site", "os", "stat", "_stat", "posixpath", "genericpath", "os.path", "_collections_abc",
    "_sitebuiltins", "sitecustomize", "usercustomize", "_distutils_hack", "types", "warnings",
    "encodings.utf_8_sig",
}  # fmt: skip

STATE = """
import sys
names = [getattr(f, "__name__", type(f).__name__) for f in sys.meta_path]
waiting, active = names.count("MsrlExtStartup"), names.count("HostFinder")
"""


def test_the_line_is_one_line_that_site_executes():
    line = startup_line()
    assert line.count("\n") == 1
    assert line.startswith("import ")
    assert line.isascii()


@pytest.mark.parametrize("flags", [(), ("-I",), ("-E",), ("-s",), ("-O",), ("-X", "utf8")])
def test_the_hook_waits_and_nothing_of_the_package_is_imported(run_python, flags):
    code = STATE + (
        "assert (waiting, active) == (1, 0), names\n"
        "assert not [n for n in sys.modules if n.startswith('mindspeed_rl_ext')], sys.modules\n"
    )
    done = run_python(code, *flags)
    assert (done.returncode, done.stderr) == (0, "")


def test_no_module_is_imported_that_a_bare_python_has_not(run_python):
    code = "import sys; print(sorted(sys.modules))"
    with_hook, bare = run_python(code), run_python(code, MSRL_EXT_DISABLE="1")
    assert with_hook.stdout == bare.stdout
    isolated = run_python(code, "-I", "-S")
    extra = set(eval(with_hook.stdout)) - set(eval(isolated.stdout))
    assert extra <= OF_SITE, extra - OF_SITE


def test_without_site_python_starts_without_the_hook(run_python):
    done = run_python(STATE + "assert (waiting, active) == (0, 0)", "-S")
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("value", ["1", "true", "yes"])
def test_turned_off_leaves_no_trace(run_python, value):
    done = run_python(STATE + "assert (waiting, active) == (0, 0)", MSRL_EXT_DISABLE=value)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("value", ["", "0"])
def test_zero_or_nothing_does_not_turn_it_off(run_python, value):
    done = run_python(STATE + "assert waiting == 1", MSRL_EXT_DISABLE=value)
    assert done.returncode == 0, done.stderr


def test_two_copies_of_the_pth_make_one_hook(run_python, host):
    twice = f"exec({startup_line()!r}); exec({startup_line()!r})\n"
    done = run_python(twice + STATE + "assert (waiting, active) == (1, 0), names")
    assert (done.returncode, done.stderr) == (0, "")
    done = run_python(twice + "import mindspeed_rl" + STATE + "assert (waiting, active) == (0, 1)")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    "broken",
    [
        "sys.modules['mindspeed_rl_ext'] = None",
        "sys.path[:] = [p for p in sys.path if p == '']",
        "sys.path.insert(0, 3.5)",
        "sys.meta_path.clear()",
        "sys.stderr = None",
        "import os; os.environ = None",
    ],
)
def test_a_broken_python_still_runs(run_python, host, broken):
    again = f"del sys._msrl_ext\nexec({startup_line()!r})"
    code = f"import sys\n{broken}\n{again}\n"
    done = run_python(code)
    assert (done.returncode, done.stderr) == (0, "")
    tail = "\ntry:\n    import mindspeed_rl\nexcept ImportError:\n    pass\n"
    done = run_python(code + tail)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr


def test_a_package_that_is_gone_is_said_once_and_the_host_runs(run_python, host, tmp_path):
    code = "import sys; sys.modules['mindspeed_rl_ext'] = None; import mindspeed_rl"
    done = run_python(code)
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("mindspeed-rl-ext is NOT active in mindspeed_rl") == 1
    assert "msrl-ext doctor" in done.stderr


def test_startup_is_inert_as_a_module():
    """Importing it (doctests, tools) does what the `.pth` does and no more."""
    import importlib

    before = list(sys.meta_path)
    try:
        importlib.import_module("mindspeed_rl_ext.activation.startup")
        added = [f for f in sys.meta_path if f not in before]
        assert [f.__name__ for f in added] in ([], ["MsrlExtStartup"])
    finally:
        sys.meta_path[:] = before
