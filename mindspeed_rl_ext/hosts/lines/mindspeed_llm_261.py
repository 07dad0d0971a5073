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
)
