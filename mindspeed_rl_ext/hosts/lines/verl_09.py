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
    files={
        "verl/experimental/reward_loop/reward_manager/registry.py": "f904274ce5",
        "verl/trainer/ppo/reward.py": "23e0d967e2",
        "verl/utils/reward_score/__init__.py": "02cdf4ab2b",
        "verl/__init__.py": "6ba36a15a0",
        "verl/protocol.py": "fec5d89ec5",
        "verl/trainer/ppo/core_algos.py": "97207d2c99",
        "verl/trainer/ppo/ray_trainer.py": "63d3bb6ac0",
        "verl/version/version": "30c99e8b10",
    },
)
