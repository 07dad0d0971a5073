"""MindSpeed-RL 2.2.0, 2.3.0 and master: metrics are keyed `{name}_rewards/mean`."""

from __future__ import annotations

from mindspeed_rl_ext.hosts.mindspeed_rl_points import mindspeed_rl_points
from mindspeed_rl_ext.hosts.protocol import Adapter

ADAPTER = Adapter("MindSpeed-RL 2.2 to master", mindspeed_rl_points(prefix=""))
