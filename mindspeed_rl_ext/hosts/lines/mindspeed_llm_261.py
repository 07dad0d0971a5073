"""MindSpeed-LLM 26.1.0: as 26.0.0; the last line with `convert_ckpt.py`."""

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
from mindspeed_rl_ext.hosts.mindspeed_llm_points import HANDLER_POINT, RL_CHECKOUT, RL_DOES_IT
from mindspeed_rl_ext.hosts.points.checkpoint_plugin import CHECKPOINT_POINT
from mindspeed_rl_ext.hosts.points.prompt_types import PROMPT_TYPE_POINT

ADAPTER = Adapter(
    name="MindSpeed-LLM 26.1",
    package="mindspeed_llm",
    points=(HANDLER_POINT, PROMPT_TYPE_POINT, CHECKPOINT_POINT),
    versions=Versions(
        host="26.1.0",
        megatron="core_v0.12.1",
        mindspeed="26.1.0_core_r0.12.1",
        torch="2.7.1",
        torch_npu="26.1.0",
        cann="9.1.0",
        python="3.10",
    ),
    checkouts=(
        Checkout("llm_261", MINDSPEED_LLM_URL, "26.1.0", "branch"),
        MEGATRON_012,
        mindspeed("261", "26.1.0_core_r0.12.1"),
        RL_CHECKOUT,
    ),
    evidence={"handler": RUN, "converter": RUN, "templates": RUN},
    notes=RL_DOES_IT,
    page="hosts_llm_master.md",
    files={
        "mindspeed_llm/tasks/checkpoint/__init__.py": "692e87d803",
        "mindspeed_llm/tasks/preprocess/data_handler.py": "d34f0e3d85",
        "mindspeed_llm/training/arguments.py": "79c3e6a7e8",
        "mindspeed_llm/__init__.py": "65688a9ba6",
        "mindspeed_llm/features_manager/__init__.py": "5b636d7867",
        "mindspeed_llm/tasks/preprocess/templates.py": "fd3ea31702",
        "mindspeed_llm/training/initialize.py": "89e6976b03",
        "mindspeed_llm/training/training.py": "6157ccd20d",
        "mindspeed_llm/training/utils.py": "3c16918831",
        "mindspeed_llm/training/checkpointing.py": "8f72140915",
        "mindspeed_llm/tasks/checkpoint/models.py": "5502acbcac",
        "mindspeed_llm/tasks/checkpoint/convert_hf2mg.py": "ff130d075d",
        "preprocess_data.py": "7359b24f75",
        "preprocess_prompt.py": "2868a1b788",
        "convert_ckpt.py": "5173d48144",
        "convert_ckpt_v2.py": "103469272e",
        "rlhf_gpt.py": "5bf06d9207",
    },
)
