"""MindSpeed-LLM master: as 26.1.0, without `convert_ckpt.py`.

The loaders of `convert_ckpt_v2.py` are an if/elif in the script itself; `msrl-ext convert` does
its work.
"""

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
from mindspeed_rl_ext.hosts.points.prompt_types import PROMPT_TYPE_POINT

ADAPTER = Adapter(
    name="MindSpeed-LLM master",
    package="mindspeed_llm",
    points=(HANDLER_POINT, PROMPT_TYPE_POINT),
    versions=Versions(
        host="master",
        megatron="core_v0.12.1",
        mindspeed="master",
        torch="2.7.1",
        torch_npu="26.0.0",
        cann="9.0.0",
        python="3.10",
    ),
    checkouts=(
        Checkout("llm_master", MINDSPEED_LLM_URL, "master", "branch"),
        MEGATRON_012,
        mindspeed("261", "26.1.0_core_r0.12.1"),
        RL_CHECKOUT,
    ),
    evidence={"handler": RUN, "templates": RUN},
    notes=RL_DOES_IT,
    page="hosts_llm_master.md",
)
