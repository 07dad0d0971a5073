"""MindSpeed-LLM 2.3.0: as 2.2.0."""

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
    name="MindSpeed-LLM 2.3",
    package="mindspeed_llm",
    points=(HANDLER_POINT, PROMPT_TYPE_POINT, CHECKPOINT_POINT),
    versions=Versions(
        host="2.3.0",
        megatron="core_v0.12.1",
        mindspeed="2.3.0_core_r0.12.1",
        torch="2.7.1",
        torch_npu="7.3.0",
        cann="8.5.0",
        python="3.10",
    ),
    checkouts=(
        Checkout("llm_23", MINDSPEED_LLM_URL, "2.3.0", "branch"),
        MEGATRON_012,
        mindspeed("23", "2.3.0_core_r0.12.1"),
    ),
    evidence={"handler": RUN, "converter": RUN, "templates": RUN},
    page="hosts_llm_22.md",
    files={
        "mindspeed_llm/tasks/checkpoint/__init__.py": "692e87d803",
        "mindspeed_llm/tasks/preprocess/data_handler.py": "eefb518953",
        "mindspeed_llm/training/arguments.py": "91b2c0eaea",
        "mindspeed_llm/__init__.py": "45d74d1067",
        "mindspeed_llm/features_manager/__init__.py": "9578abf9ae",
        "mindspeed_llm/tasks/preprocess/templates.py": "9c0f8721f7",
        "mindspeed_llm/training/initialize.py": "8c174644d3",
        "mindspeed_llm/training/training.py": "1a5581f592",
        "mindspeed_llm/training/utils.py": "ee6fe96645",
        "mindspeed_llm/training/checkpointing.py": "2229815702",
        "mindspeed_llm/tasks/checkpoint/models.py": "56ae441e95",
        "mindspeed_llm/tasks/checkpoint/convert_hf2mg.py": "aee937beb9",
        "preprocess_data.py": "fd1c468983",
        "convert_ckpt.py": "b43a6c67fd",
        "convert_ckpt_v2.py": "918538f7c5",
    },
)
