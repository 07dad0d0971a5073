"""Our handler in MindSpeed-RL's handler module and past its allow-list, proved on a double."""

from __future__ import annotations

import pytest

NAME = "AlpacaStylePromptOnlyHandler"


def test_the_host_finds_our_handler_by_name(host, check_python):
    pytest.importorskip("mindspeed_rl_ext.preprocess.handler")
    check_python(
        f"""
from mindspeed_rl.datasets.data_handler import _get_handler_cls
from mindspeed_rl_ext.preprocess.handler import {NAME}
assert _get_handler_cls("{NAME}") is {NAME}
""",
        host(),
    )


def test_our_name_passes_the_allow_list_and_all_other_checks_still_hold(host, check_python):
    check_python(
        f"""
from mindspeed_rl.config_cls import validate_data_handler_config as validate
ours = SimpleNamespace(prompt_type="qwen", handler_name="{NAME}", output_prefix="x")
validate(ours)
assert ours.validated and ours.handler_name == "{NAME}"
for wrong in (dict(output_prefix=""), dict(handler_name="Nobody")):
    try:
        validate(SimpleNamespace(**{{**vars(ours), **wrong}}))
    except ValueError:
        continue
    raise SystemExit(f"accepted {{wrong}}")
""",
        host(),
    )


def test_our_options_in_the_data_yaml_reach_our_handler_and_not_the_host(host, check_python):
    check_python(
        f"""
from mindspeed_rl.config_cls.data_handler_config import DataHandlerConfig
ours = dict(handler_name="{NAME}", seed=1, label_extractor="gsm8k", max_prompt_length="512")
args = DataHandlerConfig(ours)
assert args.msrl_ext_options == {{"label_extractor": "gsm8k", "max_prompt_length": 512}}
assert (args.seed, args.handler_name) == (1, "{NAME}")
assert ours["label_extractor"] == "gsm8k"  # the configuration itself stays
for wrong in (dict(dedup=True), dict(dedupe=True, handler_name="Other"), dict(dedupe="maybe")):
    try:
        DataHandlerConfig({{**ours, **wrong}})
    except Exception as error:
        assert "missing" in str(error) or "dedupe can't be read" in str(error), error
        continue
    raise SystemExit(f"accepted {{wrong}}")
""",
        host(),
    )
