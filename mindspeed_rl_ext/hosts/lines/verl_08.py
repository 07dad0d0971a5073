"""verl 0.8.0: as 0.7; managers also put a batch's rewards together."""

from __future__ import annotations

from mindspeed_rl_ext.hosts.adapter import RUN, VERL_URL, Adapter, Checkout, Versions
from mindspeed_rl_ext.hosts.verl.points import VERL_POINTS

ADAPTER = Adapter(
    name="verl 0.8",
    package="verl",
    points=VERL_POINTS,
    versions=Versions(
        host="0.8.0",
        torch="2.9.0",
        torch_npu="2.9.0.post2",
        cann="9.0.0",
        python=">=3.10, <3.12",
        vllm_ascend="0.18.0",
    ),
    checkouts=(Checkout("verl_08", VERL_URL, "v0.8.0", "tag"),),
    evidence={"verifiers": RUN, "workers": RUN},
    page="hosts_verl.md",
)
