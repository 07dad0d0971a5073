"""MindSpeed-RL 2.0.0: metrics are keyed `grpo/{name}_rewards/mean`; unknown keys only warn."""

from __future__ import annotations

from dataclasses import replace

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
    name="MindSpeed-RL 2.0",
    package="mindspeed_rl",
    points=mindspeed_rl_points(BEFORE_22),
    versions=Versions(
        host="2.0.0",
        megatron="core_r0.8.0",
        mindspeed="0dfa0035",
        torch="2.5.1",
        torch_npu="2.5.1",
        cann="8.1.RC1",
        python="3.10",
        vllm_ascend="0.7.3-dev",
    ),
    checkouts=(
        Checkout("rl_20", MINDSPEED_RL_URL, "2.0.0", "branch"),
        MEGATRON_08,
        mindspeed("20", "2.0.0_core_r0.8.0"),
    ),
    evidence=ALL_RUN,
    behaviour=replace(BEFORE_22, warns_of=("rl_config.log_max_throughput",)),
    page="hosts_rl_20.md",
    files={
        "mindspeed_rl/config_cls/data_handler_config.py": "2973e04b6a",
        "mindspeed_rl/config_cls/validate_config.py": "8992451536",
        "mindspeed_rl/datasets/data_handler.py": "f6c5c679f8",
        "mindspeed_rl/models/rule_verifier.py": "d9a676c57a",
        "mindspeed_rl/workers/rule_reward.py": "6d8d2e92d3",
        "mindspeed_rl/__init__.py": "1c92144d3c",
        "mindspeed_rl/config_cls/rl_config.py": "3cc8847fb1",
        "mindspeed_rl/config_cls/megatron_config.py": "ad96bfbf10",
        "mindspeed_rl/datasets/templates.py": "3bc80a6a04",
        "mindspeed_rl/trainer/utils/compute_utils.py": "e588b4ab36",
        "mindspeed_rl/utils/utils.py": "d73f2c1e05",
        "mindspeed_rl/utils/compute.py": "f2a7fabedd",
        "mindspeed_rl/workers/base_worker.py": "746a328987",
        "cli/train_grpo.py": "f0060a1d68",
        "cli/preprocess_data.py": "d41bd45db5",
    },
)
