"""MindSpeed-LLM master: GRPO with MindSpeed-RL's verifiers, and `convert_ckpt_v2.py`.

That script's loaders are an if/elif in the script itself; `msrl-ext convert` does its work.
"""

from __future__ import annotations

from mindspeed_rl_ext.hosts.mindspeed_llm_points import HANDLER_POINT
from mindspeed_rl_ext.hosts.prompt_types import prompt_type_point
from mindspeed_rl_ext.hosts.protocol import Adapter

ADAPTER = Adapter("MindSpeed-LLM master", (HANDLER_POINT, prompt_type_point("process_args_v2")))
