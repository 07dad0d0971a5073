"""verl 0.7.1: plugins by VERL_USE_EXTERNAL_MODULES; its rewards are of single rows."""

from __future__ import annotations

from mindspeed_rl_ext.hosts.adapter import RUN, VERL_URL, Adapter, Checkout, Versions
from mindspeed_rl_ext.hosts.verl.points import VERL_POINTS

ADAPTER = Adapter(
    name="verl 0.7",
    package="verl",
    points=VERL_POINTS,
    versions=Versions(
        host="0.7.1",
        torch="2.8.0",
        torch_npu="2.8.0",
        cann="8.5.0",
        python=">=3.10, <3.12",
        vllm_ascend="0.13.0",
    ),
    checkouts=(Checkout("verl_07", VERL_URL, "v0.7.1", "tag"),),
    evidence={"verifiers": RUN, "workers": RUN},
    page="hosts_verl.md",
    files={
        "verl/experimental/reward_loop/reward_manager/registry.py": "f904274ce5",
        "verl/trainer/ppo/reward.py": "18e087a263",
        "verl/utils/reward_score/__init__.py": "083b5d34fd",
        "verl/__init__.py": "1339c9a7b1",
        "verl/protocol.py": "ffe40718a0",
        "verl/trainer/ppo/core_algos.py": "6a3089ac4e",
        "verl/trainer/ppo/ray_trainer.py": "4b51a93fde",
        "verl/version/version": "ec17a75580",
    },
)
