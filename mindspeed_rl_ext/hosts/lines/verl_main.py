"""verl main, the state of November 2026: as 0.9."""

from __future__ import annotations

from mindspeed_rl_ext.hosts.adapter import RUN, VERL_URL, Adapter, Checkout, Versions
from mindspeed_rl_ext.hosts.verl.points import VERL_POINTS

ADAPTER = Adapter(
    name="verl main",
    package="verl",
    points=VERL_POINTS,
    versions=Versions(
        host="main",
        torch="2.10.0",
        torch_npu="2.10.0.post4",
        cann="9.1.0",
        python=">=3.10, <3.13",
        vllm_ascend="0.23.0",
    ),
    checkouts=(Checkout("verl_main", VERL_URL, "main", "branch"),),
    evidence={"verifiers": RUN, "workers": RUN},
    page="hosts_verl.md",
)
