"""MindSpeed-RL 2.3.0: as 2.2.0."""

from __future__ import annotations

from mindspeed_rl_ext.hosts.adapter import (
    MEGATRON_012,
    MINDSPEED_RL_URL,
    Adapter,
    Checkout,
    Versions,
    mindspeed,
)
from mindspeed_rl_ext.hosts.mindspeed_rl_points import ALL_RUN, SINCE_22, mindspeed_rl_points

ADAPTER = Adapter(
    name="MindSpeed-RL 2.3",
    package="mindspeed_rl",
    points=mindspeed_rl_points(SINCE_22),
    versions=Versions(
        host="2.3.0",
        megatron="core_v0.12.1",
        mindspeed="ac9f0e74",
        torch="2.5.1",
        torch_npu="2.5.1",
        cann="8.5.0",
        python="3.10",
        vllm_ascend="0.9.1-dev",
    ),
    checkouts=(
        Checkout("rl_23", MINDSPEED_RL_URL, "2.3.0", "branch"),
        MEGATRON_012,
        mindspeed("23", "2.3.0_core_r0.12.1"),
    ),
    evidence=ALL_RUN,
    behaviour=SINCE_22,
    page="hosts_rl_22.md",
)
