"""MindSpeed-LLM 2.0.0: its verifiers are given the labels alone."""

from __future__ import annotations

from mindspeed_rl_ext.hosts.adapter import (
    MEGATRON_08,
    MINDSPEED_LLM_URL,
    READ,
    RUN,
    Adapter,
    Behaviour,
    Checkout,
    Versions,
    mindspeed,
)
from mindspeed_rl_ext.hosts.mindspeed_llm_points import HANDLER_POINT, verifier_points
from mindspeed_rl_ext.hosts.points.checkpoint_plugin import CHECKPOINT_POINT
from mindspeed_rl_ext.hosts.points.prompt_types import PROMPT_TYPE_POINT

ADAPTER = Adapter(
    name="MindSpeed-LLM 2.0",
    package="mindspeed_llm",
    points=(HANDLER_POINT, PROMPT_TYPE_POINT, CHECKPOINT_POINT, *verifier_points(columns=False)),
    versions=Versions(
        host="2.0.0",
        megatron="core_r0.8.0",
        mindspeed="2.0.0_core_r0.8.0",
        torch="2.1.0",
        torch_npu="7.0.0",
        cann="8.1.RC1",
    ),
    checkouts=(
        Checkout("llm_20", MINDSPEED_LLM_URL, "2.0.0", "branch"),
        MEGATRON_08,
        mindspeed("20", "2.0.0_core_r0.8.0"),
    ),
    evidence={
        "handler": RUN,
        "verifiers": RUN,
        "workers": READ,
        "converter": RUN,
        "templates": RUN,
        "configs": RUN,
    },
    behaviour=Behaviour(metric_prefix="grpo/", normalises=True, reads_configs=("rlxf",)),
    page="hosts_llm_20.md",
    files={
        "mindspeed_llm/tasks/checkpoint/__init__.py": "692e87d803",
        "mindspeed_llm/tasks/posttrain/rlxf/training/core_algos.py": "8a9e55320f",
        "mindspeed_llm/tasks/preprocess/data_handler.py": "b424159408",
        "mindspeed_llm/training/arguments.py": "1033ea0c97",
        "mindspeed_llm/__init__.py": "d055195896",
        "mindspeed_llm/tasks/preprocess/templates.py": "ec20e674e5",
        "mindspeed_llm/training/initialize.py": "4a754b9941",
        "mindspeed_llm/training/training.py": "da0eaa9141",
        "mindspeed_llm/training/utils.py": "da09eb9ff0",
        "mindspeed_llm/training/checkpointing.py": "92905e0d8a",
        "mindspeed_llm/tasks/checkpoint/models.py": "0ffe91e5f6",
        "preprocess_data.py": "98c90b71a9",
        "convert_ckpt.py": "3c4ff62e50",
    },
)
