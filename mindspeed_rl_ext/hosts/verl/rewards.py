"""What the reward manager of verl does, apart from verl's own types.

Covers: the keys of `reward.reward_kwargs`, checked when the manager is made; rows to rewards, with
the prompt, token counts and every column for the verifiers; the same keys for every row.
Does not cover: reading verl's batches; `verl_manager` does.
"""

from __future__ import annotations

import inspect
import logging
import math
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from mindspeed_rl_ext.core.errors import InputError, nearest
from mindspeed_rl_ext.core.responses.audit import audit
from mindspeed_rl_ext.core.responses.rollouts import Rollout, VerdictRow, rollout_of_columns
from mindspeed_rl_ext.hosts.verl.points import NAME
from mindspeed_rl_ext.hosts.verl.row_queue import RowQueue
from mindspeed_rl_ext.verifiers.by_source import (
    Row,
    RowResult,
    Table,
    build_table,
    failed_row,
    row_fields,
    score_rows,
)
from mindspeed_rl_ext.verifiers.verdict import Outcome

TIMEOUT_S = 300.0
# What a verifier may need of a batch beside the columns of `extra_info`.
PROMPT, NUM_TOKENS = "prompt", "num_tokens"
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Settings:
    """`reward.reward_kwargs` of the manager.

    Args:
        table: the verifiers by data source.
        timeout_s: seconds that rows which arrive together may take.
    """

    table: Table
    timeout_s: float = TIMEOUT_S


def read_settings(given: Mapping[str, Any]) -> Settings:
    """Reads and checks `reward.reward_kwargs`.

    Raises:
        InputError: an unknown key, no verifiers, or verifiers and weights that do not fit.

    Example:
        >>> read_settings({"verifiers": ["simplerl"], "weights": [0.5]}).table.names
        ('simplerl',)
    """
    known = ("verifiers", "weights", "timeout_s")
    unknown = sorted(set(given) - set(known))
    if unknown:
        raise InputError(
            f"reward.reward_kwargs has an unknown key {unknown[0]!r}",
            expected=", ".join(known),
            remedy=nearest(unknown[0], known),
        )
    if not given.get("verifiers"):
        raise InputError(
            f"reward.reward_manager.name={NAME} needs verifiers",
            found=f"reward.reward_kwargs with {', '.join(sorted(given)) or 'nothing'}",
            remedy="'+reward.reward_kwargs.verifiers=[simplerl]'",
        )
    timeout_s = given.get("timeout_s", TIMEOUT_S)
    if not isinstance(timeout_s, int | float) or not 0 < timeout_s < math.inf:
        raise InputError("timeout_s must be a number of seconds above 0", found=repr(timeout_s))
    return Settings(build_table(given["verifiers"], given.get("weights")), float(timeout_s))


class Scorer:
    """Scores the rows of one reward manager.

    Args:
        settings: what the configuration asks for.
        decode: a text of token ids, special tokens left out.
    """

    def __init__(self, settings: Settings, decode: Callable[[Sequence[int]], str]) -> None:
        self.settings, self._decode = settings, decode
        self._absent = absent_number()
        self._unknown: set[str] = set()
        self._queue: RowQueue[RawRow, dict[str, Any]] = RowQueue(
            self._score, self._failed, settings.timeout_s
        )

    async def reward(self, raw: RawRow) -> dict[str, Any]:
        """`reward_score` and `reward_extra_info` of a row; raises nothing because of it."""
        return await self._queue.submit(raw)

    def _score(self, rows: Sequence[RawRow]) -> list[dict[str, Any]]:
        made = [self._row(raw) for raw in rows]
        results = score_rows(self.settings.table, made)
        audit(partial(audit_rows, made, results))
        return [self._reply(raw, found) for raw, found in zip(rows, results, strict=True)]

    def _row(self, raw: RawRow) -> Row:
        columns = {**raw.columns, NUM_TOKENS: len(raw.response_ids)}
        if PROMPT in self.settings.table.columns:
            columns[PROMPT] = self._decode(raw.prompt_ids)
        return Row(raw.source, self._decode(raw.response_ids), raw.answer, columns)

    def _failed(self, raw: RawRow, reason: str, timeout: bool) -> dict[str, Any]:
        outcome = Outcome.TIMEOUT if timeout else Outcome.ERROR
        return self._reply(raw, failed_row(self.settings.table, raw.source, reason, outcome))

    def _reply(self, raw: RawRow, result: RowResult) -> dict[str, Any]:
        table = self.settings.table
        if table.mix_of(raw.source) is None and raw.source not in self._unknown:
            self._unknown.add(raw.source)
            _LOG.error("%s: its rows have the lowest reward", result.reason)
        fields = row_fields(table, result, self._absent)
        return {"reward_score": result.reward, "reward_extra_info": fields}


def audit_rows(rows: Sequence[Row], results: Sequence[RowResult]) -> Iterator[Rollout]:
    """The rows of a batch for the audit."""
    for row, result in zip(rows, results, strict=True):
        columns = {"data_source": row.source, "answer": row.answer, **row.columns}
        verdicts = {name: VerdictRow.of(verdict) for name, verdict in result.verdicts.items()}
        yield rollout_of_columns(row.response, columns, verdicts, result.reward)


@dataclass(frozen=True)
class RawRow:
    """A row of verl's batch.

    Args:
        source: its data source.
        response_ids: the tokens of the response, without padding.
        prompt_ids: the tokens of the prompt, without padding.
        answer: the reference.
        columns: `extra_info`.
    """

    source: str
    response_ids: Sequence[int]
    prompt_ids: Sequence[int]
    answer: Any
    columns: Mapping[str, Any]


def absent_number() -> float | None:
    """What stands for a number that a row's source does not have, by the verl that runs.

    The validation of 0.9.1 leaves None out; that of other versions fails on None and averages NaN.
    """
    metrics = sys.modules.get("verl.trainer.ppo.metric_utils")
    try:
        if metrics is None:
            from importlib import import_module

            metrics = import_module("verl.trainer.ppo.metric_utils")
        text = inspect.getsource(metrics.process_validation_metrics)
    except (ImportError, AttributeError, OSError, TypeError):
        return math.nan
    return None if "value is not None" in text else math.nan
