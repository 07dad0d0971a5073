"""The row of a metrics file, shared by training, the report and scoring.

Covers: `metrics.jsonl`: one line per step, `step` and numbers under the names that
MindSpeed-RL logs, so that one report reads both.
Does not cover: how a number comes about, nor the hosts' text logs; `report` reads those.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mindspeed_rl_ext.core.errors import InputError
from mindspeed_rl_ext.core.files.jsonlines import read_jsonl

ENTROPY = "actor/entropy"
LEARNING_RATE = "actor/lr"
PG_LOSS = "actor/pg_loss"
GRAD_NORM = "grad_norm"
REWARD_MEAN = "grpo/rewards/mean"
ZERO_STD_FRACTION = "grpo/zero_std_groups/frac"
RESPONSE_LENGTH = "response_length"
TIME_ALL_S = "timing/all"


def reward_key(verifier: str) -> str:
    """The metric of a verifier's mean score.

    Example:
        >>> reward_key("countdown")
        'countdown_rewards/mean'
    """
    return f"{verifier}_rewards/mean"


def outcome_key(verifier: str, outcome: str) -> str:
    """The metric of the fraction of verdicts of one outcome.

    Example:
        >>> outcome_key("countdown", "TIMEOUT")
        'countdown_outcome/TIMEOUT'
    """
    return f"{verifier}_outcome/{outcome}"


def count_key(verifier: str, what: str) -> str:
    """The metric of the fraction of responses in which a verifier found something it counts.

    Example:
        >>> count_key("r1_format", "empty_think")
        'r1_format_empty_think/mean'
    """
    return f"{verifier}_{what}/mean"


def length_metrics(num_tokens: Sequence[int]) -> dict[str, float]:
    """Mean, min and max of response lengths in tokens, under the host's names.

    Example:
        >>> length_metrics([2, 4])["response_length/mean"]
        3.0
    """
    if not num_tokens:
        return {}
    return {
        f"{RESPONSE_LENGTH}/mean": sum(num_tokens) / len(num_tokens),
        f"{RESPONSE_LENGTH}/min": float(min(num_tokens)),
        f"{RESPONSE_LENGTH}/max": float(max(num_tokens)),
    }


@dataclass(frozen=True)
class MetricsRow:
    """The numbers of one step.

    Args:
        step: training step, counted from 1.
        values: metric name to number; NaN and infinities are kept and written as strings.
    """

    step: int
    values: Mapping[str, float]

    def to_line(self) -> str:
        """One line of JSON; a number that JSON cannot hold is written as a string.

        Example:
            >>> MetricsRow(1, {"grad_norm": float("nan")}).to_line()
            '{"step": 1, "grad_norm": "nan"}'
        """
        numbers = {k: v if math.isfinite(v) else str(v) for k, v in self.values.items()}
        return json.dumps({"step": self.step, **numbers})


def append_metrics(path: str | Path, row: MetricsRow) -> None:
    """Appends one step; a line is one write, so a reader never sees half of one."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        file.write(row.to_line() + "\n")


def read_metrics(path: str | Path) -> Iterator[MetricsRow]:
    """Yields the steps of a metrics file.

    Raises:
        InputError: a line without `step`, or with a value that is not a number.
    """
    for number, row in read_jsonl(path):
        place = f"{path}, line {number}"
        if not isinstance(row.get("step"), int):
            raise InputError(
                f"{place} has no integer 'step'",
                found=f"columns {', '.join(sorted(row))}",
                expected='{"step": 1, "grad_norm": 0.5, ...}',
                remedy="write the training step of each line",
            )
        try:
            values = {name: float(value) for name, value in row.items() if name != "step"}
        except (TypeError, ValueError) as error:
            raise InputError(
                f"{place} holds a value that is not a number",
                found=str(error),
                expected="numbers only",
                remedy="fix or remove the line",
            ) from error
        yield MetricsRow(row["step"], values)
