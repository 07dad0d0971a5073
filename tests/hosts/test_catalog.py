"""A host line is a file in lines/ and a row in the ledger; nothing else has to know of it."""

from __future__ import annotations

import ast
import importlib
import sys
from pathlib import Path

import pytest

from mindspeed_rl_ext.hosts import catalog, lines
from mindspeed_rl_ext.hosts.adapter import FEATURES, Adapter, Versions
from mindspeed_rl_ext.hosts.fit import choose, fit_module
from mindspeed_rl_ext.hosts.ledger import ledger_entries, ledger_row
from mindspeed_rl_ext.hosts.locate import host_folders
from mindspeed_rl_ext.hosts.point import Caller, Expect, LedgerRow, Point
from mindspeed_rl_ext.hosts.points.checkpoint_plugin import CHECKPOINT_POINT
from mindspeed_rl_ext.hosts.probe import source_misfits
from mindspeed_rl_ext.hosts.source import uncalled

NEW_LINE = """
from mindspeed_rl_ext.hosts.adapter import Adapter, Versions
from mindspeed_rl_ext.hosts.point import Expect, LedgerRow, Point

def apply(module):
    module.touched = True

def trip(module, error):
    raise AssertionError

ROW = LedgerRow("NEW-1", "`mindspeed_rl.newer.touched` is set", "because", "when it can")
POINT = Point("mindspeed_rl.newer", "touched", (Expect("there"),), apply, trip, ROW)
ADAPTER = Adapter("a newer host", "mindspeed_rl", (POINT,), Versions("9.9", torch="2.99"))
"""


def test_every_file_is_found_and_every_point_has_its_ledger_row():
    adapters = catalog.load_adapters()
    files = [p.stem for p in Path(lines.__path__[0]).glob("*.py") if p.stem != "__init__"]
    assert len(adapters) == len(files) == len({adapter.name for adapter in adapters})
    for adapter in adapters:
        for point in adapter.points:
            row = ledger_row(point.ledger.id)
            assert row.startswith(f"LEDGER {point.ledger.id}: `{point.module}."), row


def test_one_id_is_one_row_in_every_line_that_has_it():
    rows = {}
    for adapter in catalog.load_adapters():
        for point in adapter.points:
            assert rows.setdefault(point.ledger.id, point.ledger) == point.ledger
    assert [entry.row.id for entry in ledger_entries()] == sorted(rows)


def test_every_line_says_what_was_run_and_beside_what():
    for adapter in catalog.load_adapters():
        assert adapter.versions.host, adapter.name
        assert set(adapter.evidence) <= set(FEATURES), adapter.name
        assert set(adapter.notes).isdisjoint(adapter.evidence), adapter.name
        assert len({checkout.folder for checkout in adapter.checkouts}) == len(adapter.checkouts)
        assert {point.module.split(".")[0] for point in adapter.points} == {adapter.package}


def test_a_new_line_is_a_new_file_and_nothing_else(tmp_path, check_python):
    (tmp_path / "lines").mkdir()
    (tmp_path / "lines" / "newer.py").write_text(NEW_LINE)
    package = tmp_path / "host" / "mindspeed_rl"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "newer.py").write_text("def there():\n    pass\n")
    check_python(
        f"""
import mindspeed_rl_ext.hosts.lines as lines
lines.__path__.append({str(tmp_path / "lines")!r})
import mindspeed_rl.newer
assert mindspeed_rl.newer.touched
""",
        tmp_path / "host",
    )


def test_two_hosts_in_one_environment_are_both_adapted(tmp_path, check_python):
    doubles = Path(__file__).parent / "doubles"
    output = check_python(
        """
from mindspeed_rl.models import rule_verifier
from mindspeed_llm.tasks.posttrain.rlxf.training import core_algos
settings = dict(verifier_function=["countdown"], verifier_weight=[1.0])
labels = ['{"target":49,"numbers":[44,43,48]}']
texts = ["<answer>44-43+48</answer>"]
rewards, metrics = rule_verifier.verifier(texts, {"labels": labels}, SimpleNamespace(**settings))
assert rewards == metrics["countdown_rewards/mean"] == [1.0]
metrics = {}
config = SimpleNamespace(algorithm=SimpleNamespace(**settings))
assert core_algos.verifier(texts, {"labels": labels}, config, metrics) == [1.0]
assert metrics["grpo/countdown_rewards/mean"] == 1.0
""",
        doubles / "rl_22",
        doubles / "llm_feb25",
    )
    assert output == ""


def test_the_pth_waits_for_the_packages_of_all_lines(repo_root):
    """It can't import the lines: it costs every start of Python."""
    text = (repo_root / "mindspeed_rl_ext" / "activation" / "startup.py").read_text()
    tree = ast.parse(text)
    named = [ast.literal_eval(node) for node in ast.walk(tree) if isinstance(node, ast.Tuple)]
    assert catalog.host_packages() in named


CALLER = Caller(r"(?<!def )\btouched\(")


@pytest.mark.parametrize(
    ("text", "required", "expected"),
    [
        ("def touched(x): ...\ndef user():\n    return touched(1)\n", True, "installed"),
        ("def touched(x): ...\n", False, "does not use it"),
        # What our names depend on may not be left out silently.
        ("def touched(x): ...\n", True, "NOT installed (its own module does not call it)"),
        ("def touched(y): ...\ntouched(1)\n", True, "NOT installed (newer: touched(y)"),
    ],
)
def test_a_point_that_the_host_never_calls_is_not_installed(
    tmp_path, monkeypatch, text, required, expected
):
    package = tmp_path / "touched_host"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "inner.py").write_text(text)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "touched_host", raising=False)
    monkeypatch.delitem(sys.modules, "touched_host.inner", raising=False)
    done = []
    point = Point(
        "touched_host.inner", "touched", (Expect("touched", ("x",)),), done.append,
        lambda module, error: done.append(error), LedgerRow("N-1", "what", "why", "until"),
        required, (CALLER,),
    )  # fmt: skip
    adapter = Adapter("newer", "touched_host", (point,), Versions("1"))
    module = importlib.import_module("touched_host.inner")
    (fitted,) = fit_module(module, [(adapter, point)])
    assert expected in str(fitted)
    assert bool(done) == (required or not fitted.unused)
    # The doctor sees the same in the source, without importing it.
    bad, idle = source_misfits(text, point.probe), uncalled(point, [str(package)])
    assert choose([(adapter, point)], [bad], [idle]) == fitted


def test_a_script_beside_the_host_is_looked_at_where_there_is_a_checkout(tmp_path):
    package = tmp_path / "mindspeed_llm"
    package.mkdir()
    # Installed from a wheel, the host has no scripts beside it: nothing can be known.
    assert uncalled(CHECKPOINT_POINT, [str(package)]) == ""
    (tmp_path / "setup.py").write_text("")
    assert uncalled(CHECKPOINT_POINT, [str(package)]) == "convert_ckpt.py does not call it"
    (tmp_path / "convert_ckpt.py").write_text('MODULE_ROOT = "mindspeed_llm.tasks.checkpoint"\n')
    assert uncalled(CHECKPOINT_POINT, [str(package)]) == ""


def test_a_folder_that_only_has_a_hosts_name_is_no_host(tmp_path, monkeypatch):
    (tmp_path / "mindspeed_rl").mkdir()
    monkeypatch.syspath_prepend(str(tmp_path))
    before = host_folders()
    assert "mindspeed_rl" not in before
    (tmp_path / "mindspeed_rl" / "__init__.py").touch()
    importlib.invalidate_caches()
    assert host_folders()["mindspeed_rl"] == (str(tmp_path / "mindspeed_rl"),)


@pytest.mark.parametrize(
    ("user", "reached"),
    [
        ("from touched_host.inner import touched\ntouched(1)\n", True),
        ("from .inner import touched\ntouched(1)\n", True),
        ("from touched_host import inner\ninner.touched(1)\n", True),
        ("import touched_host.inner as other\nother.touched(1)\n", True),
        ("import touched_host.inner\ntouched_host.inner.touched(1)\n", True),
        ("from touched_host.exports import touched\ntouched(1)\n", True),
        ("class A:\n    def f(self):\n        self.scorer.touched(1)\n", True),  # can't be told
        # Which of two is taken can't be told; a host that runs is not stopped for it.
        (
            "try:\n    from .gone import touched\nexcept ImportError:\n"
            "    from .inner import touched\ntouched(1)\n",
            True,
        ),
        (
            "from .inner import touched\ndef f():\n    from .newer import touched as t\n"
            "    t(1)\ndef g():\n    touched(1)\n",
            True,
        ),
        ("from touched_host.newer import touched\ntouched(1)\n", False),
        ("from .newer import touched\ntouched(1)\n", False),
        ("from touched_host import newer as inner\ninner.touched(1)\n", False),
        ("import touched_host.newer\ntouched_host.newer.touched(1)\n", False),
        ("from touched_host.inner import touched\n# touched(1)\n", False),
        ("def touched(x): ...\ntouched(1)\n", False),
        ('"""It calls touched(1)."""\n', False),
    ],
)
def test_a_caller_that_imports_another_function_of_that_name_does_not_reach_it(
    tmp_path, user, reached
):
    package = tmp_path / "touched_host"
    package.mkdir()
    define = "def touched(x): ...\n"
    files = {"__init__": "", "inner": define, "newer": define, "user": user,
             "exports": "from .inner import touched\n"}  # fmt: skip
    for name, text in files.items():
        (package / f"{name}.py").write_text(text)
    caller = Caller(r"(?<!def )\btouched\(", module="touched_host.user")
    point = Point(
        "touched_host.inner", "touched", (Expect("touched", ("x",)),), print,
        lambda module, error: None, LedgerRow("N-1", "what", "why", "until"), True, (caller,),
    )  # fmt: skip
    assert (uncalled(point, [str(package)]) == "") is reached


def test_a_module_that_calls_what_it_imports_does_not_reach_its_own(tmp_path):
    package = tmp_path / "touched_host"
    package.mkdir()
    (package / "newer.py").write_text("def touched(x): ...\n")
    text = "def touched(x): ...\ndef use():\n    from .newer import touched\n    touched(1)\n"
    (package / "inner.py").write_text(text)
    point = Point(
        "touched_host.inner", "touched", (Expect("touched", ("x",)),), print,
        lambda module, error: None, LedgerRow("N-1", "what", "why", "until"), True, (CALLER,),
    )  # fmt: skip
    assert uncalled(point, [str(package)]) == "its own module does not call it"
    # Imported for the whole module, it is the name in the module that is set, and called.
    text = "from .newer import touched\ndef use():\n    touched(1)\n"
    (package / "inner.py").write_text(text)
    assert uncalled(point, [str(package)]) == ""
