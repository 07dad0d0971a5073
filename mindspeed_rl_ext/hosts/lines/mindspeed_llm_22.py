"""MindSpeed-LLM 2.2.0: two functions add its arguments, and both are called."""

from __future__ import annotations

from mindspeed_rl_ext.hosts.adapter import (
    MEGATRON_012,
    MINDSPEED_LLM_URL,
    RUN,
    Adapter,
    Checkout,
    Versions,
    mindspeed,
)
from mindspeed_rl_ext.hosts.mindspeed_llm_points import HANDLER_POINT
from mindspeed_rl_ext.hosts.points.checkpoint_plugin import CHECKPOINT_POINT
from mindspeed_rl_ext.hosts.points.prompt_types import PROMPT_TYPE_POINT

ADAPTER = Adapter(
    name="MindSpeed-LLM 2.2",
    package="mindspeed_llm",
    points=(HANDLER_POINT, PROMPT_TYPE_POINT, CHECKPOINT_POINT),
    versions=Versions(
        host="2.2.0",
        megatron="core_v0.12.1",
        mindspeed="2.2.0_core_r0.12.1",
        torch="2.7.1",
        torch_npu="7.2.0",
        cann="8.3.RC1",
        python="3.10",
    ),
    checkouts=(
        Checkout("llm_22", MINDSPEED_LLM_URL, "2.2.0", "branch"),
        MEGATRON_012,
        mindspeed("22", "2.2.0_core_r0.12.1"),
    ),
    evidence={"handler": RUN, "converter": RUN, "templates": RUN},
    page="hosts_llm_22.md",
    files={
        "mindspeed_llm/tasks/checkpoint/__init__.py": "692e87d803",
        "mindspeed_llm/tasks/preprocess/data_handler.py": "122a6512cd",
        "mindspeed_llm/training/arguments.py": "2f627b54ec",
        "mindspeed_llm/__init__.py": "45d74d1067",
        "mindspeed_llm/features_manager/__init__.py": "255fc64e95",
        "mindspeed_llm/tasks/preprocess/templates.py": "294be657bb",
        "mindspeed_llm/training/initialize.py": "f3e86bd7b5",
        "mindspeed_llm/training/training.py": "1d6827c05e",
        "mindspeed_llm/training/utils.py": "33a75ede51",
        "mindspeed_llm/training/checkpointing.py": "741b88fcf9",
        "mindspeed_llm/tasks/checkpoint/models.py": "8d464fb086",
        "mindspeed_llm/tasks/checkpoint/convert_hf2mg.py": "7199b5a40c",
        "preprocess_data.py": "87362c5c92",
        "convert_ckpt.py": "1abd8a9b20",
        "convert_ckpt_v2.py": "dea8e749a7",
    },
)
