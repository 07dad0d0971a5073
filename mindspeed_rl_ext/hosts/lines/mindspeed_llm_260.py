"""MindSpeed-LLM 26.0.0: `rlhf_gpt.py` and `preprocess_prompt.py` use MindSpeed-RL."""

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
    name="MindSpeed-LLM 26.0",
    package="mindspeed_llm",
    points=(HANDLER_POINT, PROMPT_TYPE_POINT, CHECKPOINT_POINT),
    versions=Versions(
        host="26.0.0",
        megatron="core_v0.12.1",
        mindspeed="26.0.0_core_r0.12.1",
        torch="2.7.1",
        torch_npu="26.0.0",
        cann="9.0.0",
        python="3.10",
    ),
    checkouts=(
        Checkout("llm_260", MINDSPEED_LLM_URL, "26.0.0", "branch"),
        MEGATRON_012,
        mindspeed("260", "26.0.0_core_r0.12.1"),
        RL_CHECKOUT,
    ),
    evidence={"handler": RUN, "converter": RUN, "templates": RUN},
    notes=RL_DOES_IT,
    page="hosts_llm_master.md",
    files={
        "mindspeed_llm/tasks/checkpoint/__init__.py": "692e87d803",
        "mindspeed_llm/tasks/preprocess/data_handler.py": "5e2e911312",
        "mindspeed_llm/training/arguments.py": "ce2858223e",
        "mindspeed_llm/__init__.py": "65688a9ba6",
        "mindspeed_llm/features_manager/__init__.py": "5b6f692feb",
        "mindspeed_llm/tasks/preprocess/templates.py": "59de2ce0e0",
        "mindspeed_llm/training/initialize.py": "33452048fc",
        "mindspeed_llm/training/training.py": "b1e5d11632",
        "mindspeed_llm/training/utils.py": "ff1d6cab18",
        "mindspeed_llm/training/checkpointing.py": "6a2758e7fd",
        "mindspeed_llm/tasks/checkpoint/models.py": "5502acbcac",
        "mindspeed_llm/tasks/checkpoint/convert_hf2mg.py": "5895eebb06",
        "preprocess_data.py": "5e9e852ce7",
        "preprocess_prompt.py": "2868a1b788",
        "convert_ckpt.py": "596b757eb4",
        "convert_ckpt_v2.py": "de8157f6c0",
        "rlhf_gpt.py": "5bf06d9207",
    },
)
