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
    files={
        "verl/experimental/reward_loop/reward_manager/registry.py": "f904274ce5",
        "verl/trainer/ppo/reward.py": "23e0d967e2",
        "verl/utils/reward_score/__init__.py": "02cdf4ab2b",
        "verl/__init__.py": "36c1e1afdc",
        "verl/protocol.py": "fec5d89ec5",
        "verl/trainer/ppo/core_algos.py": "97207d2c99",
        "verl/trainer/ppo/ray_trainer.py": "18fbad0222",
        "verl/version/version": "821f212c32",
    },
)
