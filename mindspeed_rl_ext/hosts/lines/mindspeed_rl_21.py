"""MindSpeed-RL 2.1.0: as 2.0.0; unknown keys are refused."""

from __future__ import annotations

from mindspeed_rl_ext.hosts.adapter import (
    MEGATRON_08,
    MINDSPEED_RL_URL,
    Adapter,
    Checkout,
    Versions,
    mindspeed,
)
from mindspeed_rl_ext.hosts.mindspeed_rl_points import ALL_RUN, BEFORE_22, mindspeed_rl_points

ADAPTER = Adapter(
    name="MindSpeed-RL 2.1",
    package="mindspeed_rl",
    points=mindspeed_rl_points(BEFORE_22),
    versions=Versions(
        host="2.1.0",
        megatron="core_r0.8.0",
        mindspeed="ca70c133",
        torch="2.5.1",
        torch_npu="2.5.1",
        cann="8.2.RC1",
        python="3.10",
        vllm_ascend="0.9.1-dev",
    ),
    checkouts=(
        Checkout("rl_21", MINDSPEED_RL_URL, "2.1.0", "branch"),
        MEGATRON_08,
        mindspeed("20", "2.0.0_core_r0.8.0"),
    ),
    evidence=ALL_RUN,
    behaviour=BEFORE_22,
    page="hosts_rl_20.md",
)
