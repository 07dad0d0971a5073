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
    files={
        "verl/experimental/reward_loop/reward_manager/registry.py": "f904274ce5",
        "verl/trainer/ppo/reward.py": "23e0d967e2",
        "verl/utils/reward_score/__init__.py": "02cdf4ab2b",
        "verl/__init__.py": "1339c9a7b1",
        "verl/protocol.py": "2bd9c9cea9",
        "verl/trainer/ppo/core_algos.py": "f6d517ef5b",
        "verl/trainer/ppo/ray_trainer.py": "190a0358b5",
        "verl/version/version": "55598dc6b3",
    },
)
