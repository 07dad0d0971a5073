"""Verifiers that run in workers of the pool because they may hang or crash (`isolated=True`).

Covers: responses to verdicts, what a timeout and a dead worker mean. A worker imports the module
of the verifier; nothing of the caller's `__main__` runs there.
Does not cover: budgets and kills; `pool` does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mindspeed_rl_ext.core.errors import InputError, MachineError
from mindspeed_rl_ext.verifiers import pool
from mindspeed_rl_ext.verifiers.declaration import Verifier
from mindspeed_rl_ext.verifiers.pool.calls import pack_call
from mindspeed_rl_ext.verifiers.pool.tasks import OK, TIMEOUT
from mindspeed_rl_ext.verifiers.running.here import failed, select_columns
from mindspeed_rl_ext.verifiers.verdict import Outcome, Verdict

STAGE = "worker"
_BATCH_CPU_S = 60.0
# A verifier may sleep, which costs no CPU: wall time is bounded by a multiple of its CPU seconds.
_WALL_PER_CPU, _LEAST_WALL_S = 2.2, 2.2
_BATCH_PER_ITEM = 10


def score_in_workers(
    verifier: Verifier,
    parameters: Mapping[str, Any],
    items: Sequence[tuple[str, Mapping[str, Any]]],
) -> list[Verdict]:
    """Scores responses in workers: one that hangs or crashes is a verdict of its own.

    Args:
        verifier: an isolated one.
        parameters: those that differ from its defaults.
        items: each a response and its columns.

    Raises:
        InputError: the verifier stands in `__main__`, which no worker imports.
    """
    module = verifier.function.__module__
    if module == "__main__":
        raise InputError(
            f"the isolated verifier {verifier.name!r} stands in the main script",
            found="__main__",
            expected="a module that a worker process can import",
            remedy="move it into a module of its own and import it",
        )
    tasks = [
        pool.Task(
            "call",
            pack_call(
                module,
                verifier.name,
                response,
                select_columns(verifier, columns),
                dict(parameters),
            ),
        )
        for response, columns in items
    ]
    try:
        replies = pool.run(tasks, _budget(verifier.cpu_s))
    except MachineError as error:
        return [failed(verifier, Outcome.ERROR, error.what)] * len(items)
    return [_verdict(verifier, reply) for reply in replies]


def _budget(cpu_s: float) -> pool.Budget:
    wall_s = max(_LEAST_WALL_S, _WALL_PER_CPU * cpu_s)
    return pool.Budget((cpu_s,), wall_s, max(_BATCH_CPU_S, _BATCH_PER_ITEM * cpu_s))


def _verdict(verifier: Verifier, reply: pool.Reply) -> Verdict:
    if reply.status == OK:
        value = reply.value
        return Verdict(Outcome(value["outcome"]), value["score"], value["reason"], value["stage"])
    outcome = Outcome.TIMEOUT if reply.status == TIMEOUT else Outcome.ERROR
    return failed(verifier, outcome, reply.reason, STAGE)
