"""MindSpeed-RL master: as 2.2.0. Its README sends new users to verl."""

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
    name="MindSpeed-RL master",
    package="mindspeed_rl",
    points=mindspeed_rl_points(SINCE_22),
    versions=Versions(
        host="master",
        megatron="core_v0.12.1",
        mindspeed="ac9f0e74",
        torch="2.7.1",
        torch_npu="2.7.1",
        cann="8.5.0",
        python="3.10",
        vllm_ascend="0.11.0-dev",
    ),
    checkouts=(
        Checkout("rl_master", MINDSPEED_RL_URL, "master", "branch"),
        MEGATRON_012,
        mindspeed("23", "2.3.0_core_r0.12.1"),
    ),
    evidence=ALL_RUN,
    behaviour=SINCE_22,
    page="hosts_rl_22.md",
    files={
        "mindspeed_rl/config_cls/data_handler_config.py": "fe98d23667",
        "mindspeed_rl/config_cls/validate_config.py": "d00ba8aab3",
        "mindspeed_rl/datasets/data_handler.py": "dab1ebcf10",
        "mindspeed_rl/models/rule_verifier.py": "83c7ecc7c4",
        "mindspeed_rl/workers/rule_reward.py": "0549f21f18",
        "mindspeed_rl/__init__.py": "4051ce79f0",
        "mindspeed_rl/config_cls/rl_config.py": "b519df806c",
        "mindspeed_rl/config_cls/megatron_config.py": "a446cdd3a4",
        "mindspeed_rl/datasets/templates.py": "36a6e0df65",
        "mindspeed_rl/trainer/utils/compute_utils.py": "f441c3cca8",
        "mindspeed_rl/utils/utils.py": "a2443c49fa",
        "mindspeed_rl/utils/compute.py": "14e20cb480",
        "mindspeed_rl/workers/base_worker.py": "16ba3c4015",
        "cli/train_grpo.py": "f6a0fa27f4",
        "cli/preprocess_data.py": "fcf34ac753",
    },
)
