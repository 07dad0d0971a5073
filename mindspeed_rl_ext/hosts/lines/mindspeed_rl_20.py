"""MindSpeed-RL 2.0.0 and 2.1.0: metrics are keyed `grpo/{name}_rewards/mean`."""

from __future__ import annotations

from mindspeed_rl_ext.hosts.mindspeed_rl_points import mindspeed_rl_points
from mindspeed_rl_ext.hosts.protocol import Adapter

ADAPTER = Adapter("MindSpeed-RL 2.0 and 2.1", mindspeed_rl_points(prefix="grpo/"))
