"""A host that no adapter fits still runs; using a name of ours in it raises with the ledger row."""

from __future__ import annotations

import pytest

HANDLER = "AlpacaStylePromptOnlyHandler"
VERIFIER_CHANGED = ["verifier takes other arguments", "metrics have another key"]
HANDLER_CHANGED = ["handlers are found in another way", "handlers take other arguments"]


@pytest.mark.parametrize("variant", VERIFIER_CHANGED)
def test_the_hosts_own_verifiers_work_and_ours_raise(host, run_python, variant):
    folder = host(variant)
    done = run_python("assert compute(['acc'], ['7'], ['7'])[0] == [1.0]", folder)
    assert done.returncode == 0, done.stderr
    assert "rule_verifier.verifier: NOT installed" in done.stderr
    done = run_python("compute(['acc', 'countdown(think_prefilled=True)'], ['7'], ['7'])", folder)
    assert done.returncode == 1
    assert "HostChangedError" in done.stderr
    assert "LEDGER RL-1: " in done.stderr


def test_a_scoring_function_of_another_name_is_trip_wired_too(host, run_python):
    code = """
from mindspeed_rl.models import rule_verifier
settings = config(["countdown"])
settings = SimpleNamespace(algorithm=settings) if NESTED else settings
rule_verifier.judge(["7"], {"labels": ["7"]}, settings)
"""
    folder = host("verifier is gone")
    for nested in (False, True):
        done = run_python(f"NESTED = {nested}\n{code}", folder)
        assert done.returncode == 1
        assert "no verifier" in done.stderr
        assert "LEDGER RL-1: " in done.stderr


@pytest.mark.parametrize("variant", HANDLER_CHANGED)
def test_making_our_handler_raises(host, run_python, variant):
    code = """
from mindspeed_rl.datasets import data_handler
args = SimpleNamespace(handler_name=NAME)
data_handler.get_dataset_handler(args, None, None, None)
"""
    folder = host(variant)
    done = run_python("NAME = 'AlpacaStyleInstructionHandler'\n" + code, folder)
    assert done.returncode == 0, done.stderr
    done = run_python(f"NAME = {HANDLER!r}\n" + code, folder)
    assert done.returncode == 1
    assert "LEDGER RL-3: " in done.stderr


def test_our_handler_at_a_changed_allow_list_raises(host, run_python):
    code = """
from mindspeed_rl.config_cls import validate_data_handler_config as validate
validate(SimpleNamespace(prompt_type=None, handler_name=NAME, output_prefix="x"))
"""
    folder = host("the allow-list takes other arguments")
    assert run_python("NAME = 'Other'\n" + code, folder).returncode == 0
    done = run_python(f"NAME = {HANDLER!r}\n" + code, folder)
    assert done.returncode == 1
    assert "LEDGER RL-4: " in done.stderr


def test_a_host_without_the_module_is_reported_at_its_import(host, check_python):
    folder = host()
    (folder / "mindspeed_rl" / "models" / "rule_verifier.py").unlink()
    output = check_python("import mindspeed_rl", folder)
    assert "rule_verifier.verifier: NOT installed (the host has no such module)" in output
    assert "data_handler" not in output


def test_an_adapter_that_fails_leaves_the_host_running_and_the_wire(host, check_python):
    check_python(
        """
import sys
sys.modules["mindspeed_rl_ext.preprocess.handler"] = None  # as if a library it needs were missing
from mindspeed_rl.datasets import data_handler
try:
    data_handler._get_handler_cls("AlpacaStylePromptOnlyHandler")(None, None, None, None)
except Exception as error:
    assert "applying it failed" in str(error), error
else:
    raise SystemExit("no error")
""",
        host(),
    )
