"""MindSpeed-LLM of February 2025 (commit 9401fa9): its verifiers are given a dict of columns."""

from __future__ import annotations

from mindspeed_rl_ext.hosts.checkpoint_plugin import CHECKPOINT_POINT
from mindspeed_rl_ext.hosts.mindspeed_llm_points import HANDLER_POINT, verifier_points
from mindspeed_rl_ext.hosts.prompt_types import prompt_type_point
from mindspeed_rl_ext.hosts.protocol import Adapter

ADAPTER = Adapter(
    "MindSpeed-LLM Feb 2025",
    (
        HANDLER_POINT,
        prompt_type_point("process_args"),
        CHECKPOINT_POINT,
        *verifier_points(columns=True),
    ),
)
