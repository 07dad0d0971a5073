"""MindSpeed-RL fea_asyncflow, its branch for asynchronous training: as 2.2.0."""

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
    name="MindSpeed-RL fea_asyncflow",
    package="mindspeed_rl",
    points=mindspeed_rl_points(SINCE_22),
    versions=Versions(
        host="fea_asyncflow",
        megatron="core_v0.12.1",
        mindspeed="ac9f0e74",
        torch="2.7.1",
        torch_npu="2.7.1",
        cann="8.3.RC1",
        python="3.10",
        vllm_ascend="0.11.0-dev",
    ),
    checkouts=(
        Checkout("rl_asyncflow", MINDSPEED_RL_URL, "fea_asyncflow", "branch"),
        MEGATRON_012,
        mindspeed("22", "2.2.0_core_r0.12.1"),
    ),
    evidence=ALL_RUN,
    behaviour=SINCE_22,
    page="hosts_rl_22.md",
)
