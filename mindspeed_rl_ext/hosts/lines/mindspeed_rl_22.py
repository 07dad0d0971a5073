"""MindSpeed-RL 2.2.0: metrics are keyed `{name}_rewards/mean`, groups can be filtered."""

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
    name="MindSpeed-RL 2.2",
    package="mindspeed_rl",
    points=mindspeed_rl_points(SINCE_22),
    versions=Versions(
        host="2.2.0",
        megatron="core_r0.8.0",
        mindspeed="ca70c133",
        torch="2.5.1",
        torch_npu="2.5.1",
        cann="8.3.RC1",
        python="3.10",
        vllm_ascend="0.9.1-dev",
    ),
    checkouts=(
        Checkout("rl_22", MINDSPEED_RL_URL, "2.2.0", "branch"),
        MEGATRON_012,
        mindspeed("22", "2.2.0_core_r0.12.1"),
    ),
    evidence=ALL_RUN,
    behaviour=SINCE_22,
    page="hosts_rl_22.md",
    files={
        "mindspeed_rl/config_cls/data_handler_config.py": "edb1a5c7c5",
        "mindspeed_rl/config_cls/validate_config.py": "4ef1157f63",
        "mindspeed_rl/datasets/data_handler.py": "dab1ebcf10",
        "mindspeed_rl/models/rule_verifier.py": "ebab26d043",
        "mindspeed_rl/workers/rule_reward.py": "1b0412298b",
        "mindspeed_rl/__init__.py": "1c92144d3c",
        "mindspeed_rl/config_cls/rl_config.py": "726817c8ca",
        "mindspeed_rl/config_cls/megatron_config.py": "d14dd5cccc",
        "mindspeed_rl/datasets/templates.py": "36a6e0df65",
        "mindspeed_rl/trainer/utils/compute_utils.py": "b7de97f449",
        "mindspeed_rl/utils/utils.py": "8953dd1d78",
        "mindspeed_rl/utils/compute.py": "922058eba2",
        "mindspeed_rl/workers/base_worker.py": "f3ef7ed591",
        "cli/train_grpo.py": "9e4132abda",
        "cli/preprocess_data.py": "aa0409db53",
    },
)
