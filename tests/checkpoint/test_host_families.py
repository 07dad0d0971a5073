"""Every family that the hosts' convert_ckpt_v2.py takes is converted, or refused with a reason."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from mindspeed_rl_ext.checkpoint.models import choose_model, find_model, model_of_config
from mindspeed_rl_ext.core.errors import InputError

# `--model-type-hf` of MindSpeed-LLM 2.2 to master -> model_type of config.json, and whether it is
# converted.
FAMILIES = {
    "llama2": ("llama", True),
    "qwen25": ("qwen2", True),
    "qwen3": ("qwen3", True),
    "qwen3-moe": ("qwen3_moe", True),
    "qwen2-moe": ("qwen2_moe", True),
    "qwen3-next": ("qwen3_next", True),
    "deepseek2": ("deepseek_v2", True),
    "deepseek2-lite": ("deepseek_v2", True),
    "deepseek3": ("deepseek_v3", True),
    "deepseek32": ("deepseek_v32", True),
    "glm45": ("glm4_moe", True),
    "glm45-air": ("glm4_moe", True),
    "glm45-moe": ("glm4_moe", True),
    "gemma2": ("gemma2", True),
    "magistral": ("mistral", True),
    "minimax_m2": ("minimax_m2", True),
    "phi3.5": ("phi3", True),
    "seed-oss": ("seed_oss", True),
    "bailing_mini": ("bailing_moe_v2", False),
    "deepseek4": ("deepseek_v4", False),
    "deepseek4_base": ("deepseek_v4", False),
    "glm5": ("glm_moe_dsa", False),
    "HYV3": ("hy_v3", False),
    "longcat": ("longcat_flash", False),
    "mamba2": ("mamba2", False),
    "phi3.5-moe": ("phimoe", False),
    "plm": ("plm", False),
}
# Not in the hosts' converter, but in Megatron-Bridge's tables.
BRIDGE = ("qwen3_5", "qwen3_5_moe")


@pytest.mark.parametrize("name", [name for name, (_, taken) in FAMILIES.items() if taken])
def test_the_hosts_name_and_config_json_mean_the_same_family(name):
    model_type = FAMILIES[name][0]
    assert find_model(name) is model_of_config({"model_type": model_type})
    assert choose_model(name, {"model_type": model_type}) is find_model(name)


@pytest.mark.parametrize("name", [name for name, (_, taken) in FAMILIES.items() if not taken])
def test_a_family_that_is_not_converted_is_refused_with_what_is_missing(name):
    model_type = FAMILIES[name][0]
    reasons = set()
    for config, flag in (({"model_type": model_type}, "auto"), ({}, name)):
        with pytest.raises(InputError, match="is not converted") as caught:
            choose_model(flag, config)
        reasons.add(caught.value.found)
    assert len(reasons) == 1
    assert len(reasons.pop().split()) > 1


@pytest.mark.parametrize("model_type", BRIDGE)
def test_families_that_only_other_converters_take_are_refused_with_what_is_missing(model_type):
    with pytest.raises(InputError, match=f"'{model_type}' of config.json is not converted"):
        model_of_config({"model_type": model_type})


HOSTS = [name for name in os.environ if name.startswith("MSRL_EXT_HOST_LLM_")]


@pytest.mark.parametrize("variable", HOSTS)
def test_the_list_above_has_every_name_that_a_checkout_takes(variable):
    script = Path(os.environ[variable], "convert_ckpt_v2.py")
    if not script.is_file():
        pytest.skip(f"{variable} names no checkout with convert_ckpt_v2.py")
    choices = re.search(
        r"['\"]--model-type-hf['\"].*?choices=\[(.*?)\]", script.read_text("utf-8"), re.DOTALL
    )
    names = set(re.findall(r"['\"]([^'\"]+)['\"]", choices[1]))
    assert len(names) > 5
    assert names <= set(FAMILIES)
