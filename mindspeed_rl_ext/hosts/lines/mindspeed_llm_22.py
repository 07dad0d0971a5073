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
)
