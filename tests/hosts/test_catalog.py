"""A host line is a file in lines/ and a row in the ledger; nothing else has to know of it."""

from __future__ import annotations

from pathlib import Path

from mindspeed_rl_ext.hosts import catalog, lines
from mindspeed_rl_ext.hosts.ledger import LEDGER, ledger_row

NEW_LINE = """
from mindspeed_rl_ext.hosts.protocol import Adapter, Expect, Point

def apply(module):
    module.touched = True

def trip(module, error):
    raise AssertionError

POINT = Point("mindspeed_rl.newer", "touched", (Expect("there"),), apply, trip, "RL-1")
ADAPTER = Adapter("a newer host", (POINT,))
"""


def test_every_file_is_found_and_every_point_has_its_ledger_row():
    adapters = catalog.load_adapters()
    files = [p.stem for p in Path(lines.__path__[0]).glob("*.py") if p.stem != "__init__"]
    assert len(adapters) == len(files) == len({adapter.name for adapter in adapters})
    for adapter in adapters:
        for point in adapter.points:
            row = ledger_row(point.ledger)
            assert row.startswith(f"LEDGER {point.ledger}: `{point.module}."), row


def test_every_ledger_row_is_of_a_point_that_exists():
    rows = [line.split("|")[1].strip() for line in LEDGER.read_text("utf-8").splitlines()
            if line.startswith("| ") and not line.startswith("| id")]  # fmt: skip
    used = {point.ledger for adapter in catalog.load_adapters() for point in adapter.points}
    assert sorted(rows) == sorted(used)


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
    said = check_python(
        """
from mindspeed_rl.models import rule_verifier
from mindspeed_llm.tasks.posttrain.rlxf.training import core_algos
told = dict(verifier_function=["countdown"], verifier_weight=[1.0])
labels = ['{"target":49,"numbers":[44,43,48]}']
texts = ["<answer>44-43+48</answer>"]
rewards, metrics = rule_verifier.verifier(texts, {"labels": labels}, SimpleNamespace(**told))
assert rewards == metrics["countdown_rewards/mean"] == [1.0]
metrics = {}
config = SimpleNamespace(algorithm=SimpleNamespace(**told))
assert core_algos.verifier(texts, {"labels": labels}, config, metrics) == [1.0]
assert metrics["grpo/countdown_rewards/mean"] == 1.0
""",
        doubles / "rl_22",
        doubles / "llm_feb25",
    )
    assert said == ""
