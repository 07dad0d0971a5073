"""Verifiers that run in workers of the pool because they may hang or crash (`isolated=True`).

Covers: a batch of responses to verdicts, what a timeout and a dead worker mean. A worker imports
the module of the verifier; nothing of the caller's `__main__` runs there.
Does not cover: budgets and kills; `pool` does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mindspeed_rl_ext.core.errors import InputError, MachineError
from mindspeed_rl_ext.verifiers import pool
from mindspeed_rl_ext.verifiers.api import BoundVerifier
from mindspeed_rl_ext.verifiers.pool.calls import packed_call
from mindspeed_rl_ext.verifiers.pool.tasks import OK, TIMEOUT
from mindspeed_rl_ext.verifiers.verdict import Outcome, Verdict

STAGE = "worker"
_BATCH_CPU_S = 60.0


def verdicts(bound: BoundVerifier, items: Sequence[tuple[str, Mapping[str, Any]]]) -> list[Verdict]:
    """Judges responses in workers.

    Args:
        bound: an isolated verifier.
        items: each a response and its columns.

    Raises:
        InputError: the verifier stands in `__main__`, which no worker imports.
    """
    module = bound.verifier.function.__module__
    if module == "__main__":
        raise InputError(
            f"the isolated verifier {bound.name!r} stands in the main script",
            found="__main__",
            expected="a module that a worker process can import",
            remedy="move it into a module of its own and import it",
        )
    tasks = [
        pool.Task(
            "call",
            packed_call(
                module,
                bound.name,
                response,
                {need: columns[need] for need in bound.needs},
                dict(bound.parameters),
            ),
        )
        for response, columns in items
    ]
    cpu_s = bound.verifier.cpu_s
    budget = pool.Budget((cpu_s,), max(2.2, 2.2 * cpu_s), max(_BATCH_CPU_S, 10 * cpu_s))
    try:
        replies = pool.run(tasks, budget)
    except MachineError as error:
        return [bound.failed(Outcome.ERROR, error.what)] * len(items)
    return [_verdict(bound, reply) for reply in replies]


def _verdict(bound: BoundVerifier, reply: pool.Reply) -> Verdict:
    if reply.status == OK:
        said = reply.value
        return Verdict(Outcome(said["outcome"]), said["score"], said["reason"], said["stage"])
    outcome = Outcome.TIMEOUT if reply.status == TIMEOUT else Outcome.ERROR
    return Verdict(outcome, bound.wrong_score, reply.reason, STAGE)
