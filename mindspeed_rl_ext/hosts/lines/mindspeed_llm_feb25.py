"""MindSpeed-LLM of February 2025 (commit 9401fa9): its verifiers are given a dict of columns."""

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
    name="MindSpeed-LLM Feb 2025",
    package="mindspeed_llm",
    points=(HANDLER_POINT, PROMPT_TYPE_POINT, CHECKPOINT_POINT, *verifier_points(columns=True)),
    versions=Versions(
        host="9401fa9",
        megatron="core_r0.8.0",
        mindspeed="9b3ad3fd928",
        torch="2.1.0",
        torch_npu="2.1.0.post8",
        python=">=3.8",
    ),
    checkouts=(
        Checkout("llm_feb25", MINDSPEED_LLM_URL, "9401fa9", "commit"),
        MEGATRON_08,
        mindspeed("feb25", "9b3ad3fd928", "commit"),
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
    page="hosts_llm_feb25.md",
    files={
        "mindspeed_llm/tasks/checkpoint/__init__.py": "692e87d803",
        "mindspeed_llm/tasks/posttrain/rlxf/training/core_algos.py": "831c613ced",
        "mindspeed_llm/tasks/preprocess/data_handler.py": "e633617434",
        "mindspeed_llm/training/arguments.py": "8d799c4dbf",
        "mindspeed_llm/__init__.py": "d055195896",
        "mindspeed_llm/tasks/preprocess/templates.py": "ec20e674e5",
        "mindspeed_llm/training/initialize.py": "fcc83cb082",
        "mindspeed_llm/training/training.py": "7dd3af8fa5",
        "mindspeed_llm/training/utils.py": "3d872b6ade",
        "mindspeed_llm/training/checkpointing.py": "3dde21645f",
        "mindspeed_llm/tasks/checkpoint/models.py": "805e0aaf24",
        "preprocess_data.py": "1f601e6071",
        "convert_ckpt.py": "7d93dc53e0",
    },
)
