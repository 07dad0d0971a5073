"""Work that may hang, in processes that can be killed one by one."""

from mindspeed_rl_ext.verifiers.pool.client import run, start
from mindspeed_rl_ext.verifiers.pool.tasks import Budget, Reply, Task

__all__ = ["Budget", "Reply", "Task", "run", "start"]
