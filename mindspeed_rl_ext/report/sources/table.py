"""Rows of all files as one table: one column per metric, in order of steps.

Covers: names mapped to one vocabulary, restarts (the later value of a step counts), steps out of
order, what to say of both.
Does not cover: reading; `sources` does.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from mindspeed_rl_ext.report.series import Series
from mindspeed_rl_ext.report.sources.names import host_name
from mindspeed_rl_ext.report.sources.rows import Row, Rows


@dataclass(frozen=True)
class Table:
    """The metrics of a run.

    Args:
        series: every metric by name, in the order of first appearance.
        steps: all steps that were logged, rising.
        repeated: how many steps were logged again by a resumed run.
        stale_from: first step that only the run before the last restart logged; None where none.
        unordered: lines came in another order than their steps, without repeating one.
    """

    series: dict[str, Series]
    steps: tuple[int, ...]
    repeated: int = 0
    stale_from: int | None = None
    unordered: bool = False


def build_table(rows: Iterable[Row]) -> Table:
    """Merges rows into columns.

    Args:
        rows: step and numbers, in the order in which they were written.

    Example:
        >>> table = build_table([(2, {"a": 1}), (1, {"a": 0}), (2, {"b": 3})])
        >>> table.steps, table.series["a"].values.tolist(), table.unordered
        ((1, 2), [0.0, 1.0], True)
    """
    kept = rows if isinstance(rows, Rows) else Rows(rows)
    steps = np.concatenate([np.empty(0, np.int64), *(block.steps for block in kept.blocks)])
    if (steps[1:] > steps[:-1]).all():
        return Table(_columns(kept), tuple(steps.tolist()))
    return _merged(kept)


def _merged(rows: Rows) -> Table:
    """A table of rows whose steps repeat, or do not rise."""
    by_step: dict[int, Mapping[str, float]] = {}
    repeated: set[int] = set()
    last, highest, went_back = -(1 << 62), -(1 << 62), False
    restart_high = last
    for step, values in rows:
        if step in by_step:
            kept = by_step[step]
            if not kept.keys().isdisjoint(values):
                repeated.add(step)
                restart_high = highest
            by_step[step] = {**kept, **values}
        else:
            by_step[step] = values
        went_back |= step < last
        last = step
        highest = max(highest, step)
    ordered = sorted(by_step)
    stale = [step for step in ordered if repeated and last < step <= restart_high]
    return Table(
        _columns(Rows((step, by_step[step]) for step in ordered)),
        tuple(ordered),
        len(repeated),
        stale[0] if stale else None,
        went_back and not repeated,
    )


def _columns(rows: Rows) -> dict[str, Series]:
    """Columns of rows whose steps rise."""
    parts: dict[str, list[tuple[np.ndarray, np.ndarray]]] = {}
    for block in rows.blocks:
        steps, values = block.steps, block.values
        for column, name in enumerate(block.names):
            parts.setdefault(host_name(name), []).append((steps, values[:, column]))
    return {name: _joined(name, pieces) for name, pieces in parts.items()}


def _joined(name: str, pieces: list[tuple[np.ndarray, np.ndarray]]) -> Series:
    steps = np.concatenate([at for at, _ in pieces])
    values = np.concatenate([numbers for _, numbers in pieces])
    order = np.argsort(steps, kind="stable")
    steps, values = steps[order], values[order]
    # Two names of one metric in a row: the later one counts.
    last = np.append(steps[1:] != steps[:-1], True)
    return Series(name, steps[last], values[last])
