"""The import hook: adapts a host module once its code has run, whatever way it is imported."""

from __future__ import annotations

import pytest

OURS = "AlpacaStylePromptOnlyHandler"
CHECK = f"""
from types import SimpleNamespace

def accepts_us(module):
    try:
        module.validate_data_handler_config(SimpleNamespace(handler_name={OURS!r}))
    except ValueError:
        return False
    return True
"""
IMPORT = "import mindspeed_rl.config_cls.validate_config as checks\n"


@pytest.fixture
def passes(run_python, host):
    def check(code: str, *flags: str, **env: str) -> str:
        done = run_python(CHECK + code, *flags, **env)
        assert done.returncode == 0, done.stderr
        return done.stderr

    return check


def test_a_host_module_is_adapted_at_its_import(passes):
    passes(IMPORT + "assert accepts_us(checks)")


def test_the_adapted_module_looks_like_any_other(passes):
    passes(
        IMPORT
        + """
import inspect, importlib.util, pickle
from importlib.machinery import SourceFileLoader
assert type(checks.__loader__) is type(checks.__spec__.loader) is SourceFileLoader
assert type(checks.LOADER) is SourceFileLoader  # also while its own code ran
assert type(checks).__name__ == "module"
assert importlib.util.find_spec(checks.__name__) is checks.__spec__
function = checks.validate_data_handler_config
assert (function.__name__, function.__module__) == ("validate_data_handler_config", checks.__name__)
assert str(inspect.signature(function)) == "(config)"
assert pickle.loads(pickle.dumps(function)) is function
assert checks.RUNS == 1
"""
    )


def test_reload_adapts_again_and_only_once(passes):
    passes(
        IMPORT
        + """
import importlib
importlib.reload(checks)
assert accepts_us(checks) and checks.RUNS == 2
assert not hasattr(checks.validate_data_handler_config.__wrapped__, "__wrapped__")
"""
    )


def test_a_module_that_fails_and_is_tried_again_is_adapted(passes, host):
    file = host / "mindspeed_rl" / "config_cls" / "validate_config.py"
    good = file.read_text()
    file.write_text("raise ImportError('not yet')\n")
    passes(
        f"""
import pathlib, importlib
try:
    import mindspeed_rl.config_cls.validate_config
except ImportError as error:
    assert str(error) == "not yet"
else:
    raise SystemExit("no error")
pathlib.Path({str(file)!r}).write_text({good!r})
importlib.invalidate_caches()
import mindspeed_rl.config_cls.validate_config as checks
assert accepts_us(checks)
""",
        "-B",
    )


def test_activate_adapts_a_module_that_was_imported_before(passes):
    passes(
        """
import sys
import mindspeed_rl.config_cls.validate_config as checks
assert not accepts_us(checks)
import mindspeed_rl_ext
report = mindspeed_rl_ext.activate()
assert accepts_us(checks)
assert [(f.attribute, f.misfit) for f in report.installed] == [("validate_data_handler_config", "")]
assert report.active and not report.already
again = mindspeed_rl_ext.activate()
assert again.already and again.installed == report.installed
assert not hasattr(checks.validate_data_handler_config.__wrapped__, "__wrapped__")
""".replace("import sys\n", "import sys; sys.meta_path.pop(0)\n")
    )


def test_names_that_were_copied_before_activation_are_replaced(passes, host):
    (host / "mindspeed_rl" / "worker.py").write_text(
        "from mindspeed_rl.config_cls import validate_config as module\n"
        "check = module.validate_data_handler_config\n"
    )
    passes(
        """
import sys; sys.meta_path.pop(0)
import mindspeed_rl.worker
from mindspeed_rl.config_cls.validate_config import validate_data_handler_config
checks = sys.modules["mindspeed_rl.config_cls.validate_config"]
original = validate_data_handler_config
import mindspeed_rl_ext
mindspeed_rl_ext.activate()
assert accepts_us(checks)
assert mindspeed_rl.worker.check is checks.validate_data_handler_config is not checks.LOADER
assert validate_data_handler_config is checks.validate_data_handler_config  # the main script's
assert checks.validate_data_handler_config.__wrapped__.__name__ == original.__name__
"""
    )


def test_a_second_copy_on_the_path_is_not_activated_twice(passes, repo_root, tmp_path):
    import shutil

    from mindspeed_rl_ext.activation.pth import PTH_NAME, startup_line

    second = tmp_path / "second"
    left_out = shutil.ignore_patterns("__pycache__", "checkpoint", "recipes")
    shutil.copytree(repo_root / "mindspeed_rl_ext", second / "mindspeed_rl_ext", ignore=left_out)
    (second / PTH_NAME).write_text(startup_line())
    passes(
        f"""
import site, sys
site.addsitedir({str(second)!r})
names = [getattr(f, "__name__", type(f).__name__) for f in sys.meta_path]
assert names.count("MsrlExtStartup") == 1, names
"""
        + IMPORT
        + """
names = [getattr(f, "__name__", type(f).__name__) for f in sys.meta_path]
assert accepts_us(checks) and names.count("HostFinder") == 1, names
assert not hasattr(checks.validate_data_handler_config.__wrapped__, "__wrapped__")
"""
    )


def test_activate_in_the_middle_of_a_hosts_import_adapts_it_at_its_end(passes, host):
    file = host / "mindspeed_rl" / "config_cls" / "validate_config.py"
    head = (
        "import sys, mindspeed_rl_ext\n"
        "report = mindspeed_rl_ext.activate()\n"
        "assert report.installed == (), report\n"
    )
    file.write_text(head + file.read_text())
    passes(
        "import sys; sys.meta_path.pop(0)\n"
        "from mindspeed_rl.config_cls.validate_config import validate_data_handler_config\n"
        "checks = sys.modules['mindspeed_rl.config_cls.validate_config']\n"
        "assert checks.validate_data_handler_config is validate_data_handler_config\n"
        "assert accepts_us(checks) and type(checks).__name__ == 'module'\n"
    )


def test_activate_without_site_does_the_same(passes, repo_root):
    passes(
        f"import sys; sys.path.insert(0, {str(repo_root)!r})\n"
        "import mindspeed_rl_ext; mindspeed_rl_ext.activate()\n"
        + IMPORT
        + "assert accepts_us(checks)",
        "-S",
    )


def test_activate_is_refused_when_turned_off(passes):
    passes(
        "import mindspeed_rl_ext\n"
        "report = mindspeed_rl_ext.activate()\n"
        "assert not report.active and 'turned off' in str(report)\n"
        + IMPORT
        + "assert not accepts_us(checks)",
        MSRL_EXT_DISABLE="1",
    )


def test_verbose_says_what_was_installed_where(passes):
    output = passes(IMPORT, MSRL_EXT_VERBOSE="1")
    assert "active in process" in output
    assert "validate_config.validate_data_handler_config: installed for MindSpeed-RL" in output
    assert "RL-4" in output


def test_only_one_finder_in_however_many_activations_and_threads(passes):
    passes(
        """
import sys, threading, mindspeed_rl_ext
threads = [threading.Thread(target=mindspeed_rl_ext.activate) for _ in range(8)]
[t.start() for t in threads]
[t.join() for t in threads]
names = [getattr(f, "__name__", type(f).__name__) for f in sys.meta_path]
assert names.count("HostFinder") == 1 and "MsrlExtStartup" not in names, names
"""
    )


def test_a_host_in_a_zip_archive_is_adapted(passes, host, tmp_path):
    import shutil

    archive = shutil.make_archive(str(tmp_path / "host"), "zip", host, "mindspeed_rl")
    shutil.rmtree(host / "mindspeed_rl")
    passes(f"import sys; sys.path.insert(0, {archive!r})\n" + IMPORT + "assert accepts_us(checks)")


def test_a_missing_host_is_an_ordinary_import_error(run_python, tmp_path):
    done = run_python("import mindspeed_llm")
    assert done.returncode == 1
    assert "ModuleNotFoundError: No module named 'mindspeed_llm'" in done.stderr
    assert "mindspeed-rl-ext" not in done.stderr


def test_spawned_and_forked_children_are_hooked_by_themselves(run_python, host, tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        CHECK
        + """
import multiprocessing

def work(queue):
    import mindspeed_rl.config_cls.validate_config as checks
    queue.put(accepts_us(checks))

if __name__ == "__main__":
    for way in ("spawn", "fork", "forkserver"):
        context = multiprocessing.get_context(way)
        queue = context.Queue()
        process = context.Process(target=work, args=(queue,))
        process.start()
        assert queue.get(timeout=30), way
        process.join()
"""
    )
    done = run_python(f"import runpy; runpy.run_path({str(script)!r}, run_name='__main__')")
    assert done.returncode == 0, done.stderr
