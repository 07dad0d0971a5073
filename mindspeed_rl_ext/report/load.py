"""The files of a run: metrics.jsonl, and rollouts.jsonl where it is there.

Covers: finding them, steps merged and sorted, a few rollouts picked across the run while reading.
Does not cover: the hosts' text logs, tensorboard.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from mindspeed_rl_ext.errors import InputError
from mindspeed_rl_ext.metrics import MetricsRow, read_metrics
from mindspeed_rl_ext.rollouts import Rollout, read_rollouts

METRICS_FILE = "metrics.jsonl"
ROLLOUTS_FILE = "rollouts.jsonl"

_PER_OUTCOME = 2


@dataclass(frozen=True)
class RunFiles:
    """What was read of a run.

    Args:
        folder: where the files lie.
        rows: the metrics, one row a step, in order of steps.
        rollouts: some of the rollouts, of the first, a middle and the last step.
        num_rollouts: how many there are in the file.
    """

    folder: Path
    rows: tuple[MetricsRow, ...]
    rollouts: tuple[Rollout, ...] = ()
    num_rollouts: int = 0


def load_run(path: Path) -> RunFiles:
    """Reads a run.

    Args:
        path: the run's directory, or its metrics file.

    Raises:
        InputError: no metrics there, no steps in them, a line that cannot be read.
    """
    metrics = _metrics_file(path)
    rows = merge_steps(read_metrics(metrics))
    if not rows:
        raise InputError(
            f"{metrics} holds no steps",
            found="an empty file",
            expected='lines such as {"step": 1, "grad_norm": 0.5}',
            remedy="wait for the first step of the run",
        )
    rollouts = metrics.with_name(ROLLOUTS_FILE)
    picked, number = pick_rollouts(read_rollouts(rollouts)) if rollouts.is_file() else ((), 0)
    return RunFiles(metrics.parent, rows, picked, number)


def _metrics_file(path: Path) -> Path:
    if path.is_file():
        return path
    if not path.is_dir():
        raise InputError(f"no such file or directory: {path}", remedy="check the path")
    if not (path / METRICS_FILE).is_file():
        names = sorted(entry.name for entry in path.iterdir())
        raise InputError(
            f"{path} holds no metrics",
            found=", ".join(names[:8]) + (", ..." if len(names) > 8 else "") or "nothing",
            expected=f"{METRICS_FILE}, and {ROLLOUTS_FILE} if there is one",
            remedy="give the directory that the run wrote, or the metrics file itself",
        )
    return path / METRICS_FILE


def merge_steps(rows: Iterable[MetricsRow]) -> tuple[MetricsRow, ...]:
    """One row a step, sorted; where a resumed run logged a step again the later value counts.

    Example:
        >>> merge_steps([MetricsRow(2, {"a": 1}), MetricsRow(1, {"a": 0}), MetricsRow(2, {"b": 3})])
        (MetricsRow(step=1, values={'a': 0}), MetricsRow(step=2, values={'a': 1, 'b': 3}))
    """
    by_step: dict[int, dict[str, float]] = {}
    for row in rows:
        by_step.setdefault(row.step, {}).update(row.values)
    return tuple(MetricsRow(step, by_step[step]) for step in sorted(by_step))


def pick_rollouts(rollouts: Iterable[Rollout]) -> tuple[tuple[Rollout, ...], int]:
    """A few rollouts of the first, the middle and the last step, of each combination of outcomes.

    Returns:
        The picked rollouts in order of steps, and how many were read.
    """
    by_step: dict[int, dict[tuple[str, ...], list[Rollout]]] = {}
    number = 0
    for rollout in rollouts:
        number += 1
        outcomes = tuple(verdict.outcome for verdict in rollout.verdicts.values())
        kept = by_step.setdefault(rollout.step or 0, {}).setdefault(outcomes, [])
        if len(kept) < _PER_OUTCOME:
            kept.append(rollout)
    steps = sorted(by_step)
    chosen = sorted({steps[0], steps[len(steps) // 2], steps[-1]}) if steps else []
    return tuple(rollout for step in chosen for rollout in _flat(by_step[step])), number


def _flat(by_outcome: Mapping[tuple[str, ...], list[Rollout]]) -> list[Rollout]:
    return [rollout for outcomes in sorted(by_outcome) for rollout in by_outcome[outcomes]]
