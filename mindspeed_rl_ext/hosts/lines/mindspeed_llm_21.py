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
)
