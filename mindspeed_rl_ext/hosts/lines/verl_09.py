"""verl 0.9: plugins by the entry point group `verl.plugins`; trainer V1 by default."""

from __future__ import annotations

from mindspeed_rl_ext.hosts.adapter import RUN, VERL_URL, Adapter, Checkout, Versions
from mindspeed_rl_ext.hosts.verl.points import VERL_POINTS

ADAPTER = Adapter(
    name="verl 0.9",
    package="verl",
    points=VERL_POINTS,
    versions=Versions(
        host="0.9.0",
        torch="2.10.0",
        torch_npu="2.10.0.post2",
        cann="9.0.0",
        python=">=3.10, <3.12",
        vllm_ascend="0.23.0",
    ),
    checkouts=(Checkout("verl_09", VERL_URL, "v0.9.0", "tag"),),
    evidence={"verifiers": RUN, "workers": RUN},
    page="hosts_verl.md",
)
