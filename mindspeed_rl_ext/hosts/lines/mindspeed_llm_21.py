"""MindSpeed-LLM 2.1.0: no verifiers of its own."""

from __future__ import annotations

from mindspeed_rl_ext.hosts.adapter import (
    MEGATRON_08,
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
    name="MindSpeed-LLM 2.1",
    package="mindspeed_llm",
    points=(HANDLER_POINT, PROMPT_TYPE_POINT, CHECKPOINT_POINT),
    versions=Versions(
        host="2.1.0",
        megatron="core_r0.8.0",
        mindspeed="2.1.0_core_r0.8.0",
        torch="2.1.0, 2.6.0",
        torch_npu="7.1.0",
        cann="8.2.RC1",
        python="3.8, 3.10",
    ),
    checkouts=(
        Checkout("llm_21", MINDSPEED_LLM_URL, "2.1.0", "branch"),
        MEGATRON_08,
        mindspeed("21", "2c085cc9", "commit"),
    ),
    evidence={"handler": RUN, "converter": RUN, "templates": RUN},
    page="hosts_llm_20.md",
    files={
        "mindspeed_llm/tasks/checkpoint/__init__.py": "692e87d803",
        "mindspeed_llm/tasks/preprocess/data_handler.py": "8815923f3b",
        "mindspeed_llm/training/arguments.py": "755338c5d0",
        "mindspeed_llm/__init__.py": "d055195896",
        "mindspeed_llm/features_manager/__init__.py": "696444d306",
        "mindspeed_llm/tasks/preprocess/templates.py": "ec20e674e5",
        "mindspeed_llm/training/initialize.py": "4a754b9941",
        "mindspeed_llm/training/training.py": "926f5fcb56",
        "mindspeed_llm/training/utils.py": "6091ce62e6",
        "mindspeed_llm/training/checkpointing.py": "d02a602d7a",
        "mindspeed_llm/tasks/checkpoint/models.py": "536e09bc57",
        "preprocess_data.py": "cbcc2f5082",
        "convert_ckpt.py": "3b8ebe2b2c",
    },
)
