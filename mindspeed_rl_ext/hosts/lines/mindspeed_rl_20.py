"""MindSpeed-RL 2.0.0: metrics are keyed `grpo/{name}_rewards/mean`; unknown keys only warn."""

from __future__ import annotations

from dataclasses import replace

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
    name="MindSpeed-RL 2.0",
    package="mindspeed_rl",
    points=mindspeed_rl_points(BEFORE_22),
    versions=Versions(
        host="2.0.0",
        megatron="core_r0.8.0",
        mindspeed="0dfa0035",
        torch="2.5.1",
        torch_npu="2.5.1",
        cann="8.1.RC1",
        python="3.10",
        vllm_ascend="0.7.3-dev",
    ),
    checkouts=(
        Checkout("rl_20", MINDSPEED_RL_URL, "2.0.0", "branch"),
        MEGATRON_08,
        mindspeed("20", "2.0.0_core_r0.8.0"),
    ),
    evidence=ALL_RUN,
    behaviour=replace(BEFORE_22, warns_of=("rl_config.log_max_throughput",)),
    page="hosts_rl_20.md",
)
