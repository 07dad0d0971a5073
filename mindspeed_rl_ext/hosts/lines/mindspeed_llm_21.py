"""MindSpeed-LLM 2.1.0 and master: no verifiers of their own."""

from __future__ import annotations

from mindspeed_rl_ext.hosts.checkpoint_plugin import CHECKPOINT_POINT
from mindspeed_rl_ext.hosts.mindspeed_llm_points import HANDLER_POINT
from mindspeed_rl_ext.hosts.protocol import Adapter

ADAPTER = Adapter("MindSpeed-LLM 2.1 to master", (HANDLER_POINT, CHECKPOINT_POINT))
