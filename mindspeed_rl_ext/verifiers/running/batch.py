"""Every verifier on every response of a batch.

Covers: each distinct response, with its columns, is scored once; what only sympy decides is
settled for all verifiers together, after which the verifiers that asked are called again.
Does not cover: weights and metrics; `scoring` does.
"""

from __future__ import annotations

import pickle
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mindspeed_rl_ext.core.responses.audit import scoring
from mindspeed_rl_ext.verifiers.api import BoundVerifier
from mindspeed_rl_ext.verifiers.equivalence import deferred, symbolic
from mindspeed_rl_ext.verifiers.equivalence.deferred import Pair
from mindspeed_rl_ext.verifiers.running.here import failed, score_here
from mindspeed_rl_ext.verifiers.running.workers import score_in_workers
from mindspeed_rl_ext.verifiers.verdict import Outcome, Verdict

# A verifier is called once more for each pair that sympy has to settle. One that compares other
# answers at each call, because it draws them, would never end.
MAX_CALLS = 100
MAX_CHANGES = 3
STAGE = "calls"


@scoring()
def score_batch(
    bound: Sequence[BoundVerifier], responses: Sequence[str], columns: Mapping[str, Sequence[Any]]
) -> dict[str, list[Verdict]]:
    """The verdicts of each verifier, by name, one per response.

    Args:
        bound: the verifiers.
        responses: the batch.
        columns: by name, one value per response.
    """
    batch = _Batch()
    work = [_Work(one, responses, columns) for one in bound]
    for part in work:
        part.run(batch)
    batch.settle()
    for part in work:
        # A user's verifier may compare a second pair once it knows the first: settled singly.
        while part.run(batch):
            batch.settle()
    return {part.bound.name: part.verdicts() for part in work}


class _Batch(deferred.Batch):
    """The pairs of a batch, and those that the running call has asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: set[Pair] = set()

    def verdict(self, pair: Pair) -> Verdict:
        self.asked.add(pair)
        return super().verdict(pair)

    def settle(self) -> None:
        """Compares what was asked for and is not known."""
        missing = [pair for pair in self.wanted if pair not in self.known]
        self.known.update(symbolic.settle(missing, symbolic.MANY))


@dataclass
class _Item:
    """One distinct response with its columns, and what became of the calls for it."""

    response: str
    columns: dict[str, Any]
    verdict: Verdict | None = None
    calls: int = 0
    changes: int = 0
    waits_for: frozenset[Pair] = frozenset()

    def fault_of_call(self, asked: set[Pair]) -> str:
        """Why its verifier is not called again; empty where it is.

        Args:
            asked: the pairs that this call asked for; a verifier that repeats itself asks for
                those of the call before, and for one more.
        """
        self.calls += 1
        self.changes += not self.waits_for <= asked
        self.waits_for = frozenset(asked)
        if self.changes >= MAX_CHANGES:
            return (
                "its comparisons differ from call to call; a verifier must do the same with the "
                "same response"
            )
        return f"no end of comparisons after {self.calls} calls" if self.calls >= MAX_CALLS else ""


class _Work:
    """One verifier's part of a batch.

    Args:
        bound: the verifier, a function of what it is given.
        responses: the batch.
        columns: by name, one value per response.
    """

    def __init__(
        self,
        bound: BoundVerifier,
        responses: Sequence[str],
        columns: Mapping[str, Sequence[Any]],
    ) -> None:
        self.bound = bound
        self._items: dict[object, _Item] = {}
        self._keys: list[object] = []
        for i, response in enumerate(responses):
            given = {name: columns[name][i] for name in bound.columns if name in columns}
            key = _key(response, given, i)
            self._items.setdefault(key, _Item(response, given))
            self._keys.append(key)

    def run(self, batch: _Batch) -> bool:
        """Scores what has no verdict; returns whether something waits for the batch."""
        left = [item for item in self._items.values() if item.verdict is None]
        if self.bound.verifier.isolated:
            self._run_in_workers(left)
            return False
        with deferred.gathering(batch):
            for item in left:
                self._run_here(item, batch)
        return any(item.verdict is None for item in left)

    def verdicts(self) -> list[Verdict]:
        """One for each response of the batch."""
        found = [self._items[key].verdict for key in self._keys]
        return [verdict for verdict in found if verdict is not None]

    def _run_in_workers(self, left: Sequence[_Item]) -> None:
        if not left:
            return
        given = [(item.response, item.columns) for item in left]
        verdicts = score_in_workers(self.bound.verifier, self.bound.parameters, given)
        for item, verdict in zip(left, verdicts, strict=True):
            item.verdict = verdict

    def _run_here(self, item: _Item, batch: _Batch) -> None:
        batch.asked.clear()
        verifier, parameters = self.bound.verifier, self.bound.parameters
        try:
            item.verdict = score_here(verifier, parameters, item.response, item.columns)
        except deferred.PendingError:
            symbolic.prepare()
            fault = item.fault_of_call(batch.asked)
            if fault:
                item.verdict = failed(verifier, Outcome.ERROR, fault, STAGE)


def _key(response: str, given: Mapping[str, Any], index: int) -> object:
    """What makes two items the same: the response and every column, by type and value."""
    try:
        return pickle.dumps((response, given))
    except Exception:  # noqa: BLE001 - what cannot be pickled raises anything; it is scored alone
        return index
