"""MindSpeed-RL 2.1.0: as 2.0.0; unknown keys are refused."""

from __future__ import annotations

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
    name="MindSpeed-RL 2.1",
    package="mindspeed_rl",
    points=mindspeed_rl_points(BEFORE_22),
    versions=Versions(
        host="2.1.0",
        megatron="core_r0.8.0",
        mindspeed="ca70c133",
        torch="2.5.1",
        torch_npu="2.5.1",
        cann="8.2.RC1",
        python="3.10",
        vllm_ascend="0.9.1-dev",
    ),
    checkouts=(
        Checkout("rl_21", MINDSPEED_RL_URL, "2.1.0", "branch"),
        MEGATRON_08,
        mindspeed("20", "2.0.0_core_r0.8.0"),
    ),
    evidence=ALL_RUN,
    behaviour=BEFORE_22,
    page="hosts_rl_20.md",
    files={
        "mindspeed_rl/config_cls/data_handler_config.py": "2973e04b6a",
        "mindspeed_rl/config_cls/validate_config.py": "a6effc41ed",
        "mindspeed_rl/datasets/data_handler.py": "3ce3a5a367",
        "mindspeed_rl/models/rule_verifier.py": "b1b91decd2",
        "mindspeed_rl/workers/rule_reward.py": "ab79a26276",
        "mindspeed_rl/__init__.py": "1c92144d3c",
        "mindspeed_rl/config_cls/rl_config.py": "d36a8850b4",
        "mindspeed_rl/config_cls/megatron_config.py": "3c96be8d2e",
        "mindspeed_rl/datasets/templates.py": "3bc80a6a04",
        "mindspeed_rl/trainer/utils/compute_utils.py": "6342e57cbc",
        "mindspeed_rl/utils/utils.py": "ad1d3c5aa6",
        "mindspeed_rl/utils/compute.py": "922058eba2",
        "mindspeed_rl/workers/base_worker.py": "1129b9768a",
        "cli/train_grpo.py": "0e555cb36d",
        "cli/preprocess_data.py": "e0e811b0bc",
    },
)
