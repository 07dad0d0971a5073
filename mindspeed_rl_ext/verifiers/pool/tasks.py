"""What goes into the pool and what comes back.

Covers: a task, its reply, the budgets. Does not cover: how they travel; `frames` does.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

OK = "ok"
TIMEOUT = "timeout"
ERROR = "error"


@dataclass(frozen=True)
class Task:
    """One piece of work.

    Args:
        kind: which function of `worker` takes it.
        payload: its arguments, JSON values only.
    """

    kind: str
    payload: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Reply:
    """What became of a task.

    Args:
        status: `ok`, `timeout` (a budget ended it) or `error` (it raised, or its worker died).
        value: what the function returned, where it is ok.
        reason: one line for people, where it is not.
    """

    status: str
    value: Any = None
    reason: str = ""


@dataclass(frozen=True)
class Budget:
    """How much a call may use. CPU seconds, so that a busy machine changes no verdict.

    Args:
        cpu_s: CPU seconds of an item, one entry per round; what a round does not end, the next
            takes up again after all others.
        wall_s: seconds after which an item is ended whatever it used: a sleeping one uses no CPU.
            Seconds in which it waits for a core do not count.
        batch_cpu_s: CPU seconds of all items of a call together.
    """

    cpu_s: tuple[float, ...] = (1.0,)
    wall_s: float = 2.2
    batch_cpu_s: float = 12.0
