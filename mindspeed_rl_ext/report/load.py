"""A run as the report sees it: the table of its metrics, its rollouts, and what was read.

Covers: finding and reading the files, sizes that a log lacks and a user gives.
Does not cover: what the numbers mean; `throughput` and `diagnosis` do.
"""

from __future__ import annotations

import gc
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from mindspeed_rl_ext.core.errors import InputError
from mindspeed_rl_ext.report.series import Series
from mindspeed_rl_ext.report.sources.find import EXPECTED, Found, find_sources
from mindspeed_rl_ext.report.sources.record import FileRead
from mindspeed_rl_ext.report.sources.rollouts import (
    RolloutScan,
    rows_of,
    scan_rollouts,
    series_of_signs,
)
from mindspeed_rl_ext.report.sources.rows import Rows
from mindspeed_rl_ext.report.sources.table import Table, build_table

# What a training of ours records in its output directory.
RECIPE_FILE = "recipe.json"


@dataclass(frozen=True)
class Run:
    """What was read of a run.

    Args:
        folder: where the files lie.
        table: the metrics.
        logs: the files that they came from.
        rollouts: None where there are none.
        left_out: files that look like logs of the run and were not read.
        sizes: what the user gives of the run and a log may lack: `global_batch_size`,
            `n_samples_per_prompt`, `world_size`, `mini_batch_size`, `ppo_epochs`.
        model: name or folder of the model that was trained; "" where it is not known.
        smooth: steps on each side that running means take in; by the length of the run where None.
    """

    folder: Path
    table: Table
    logs: tuple[FileRead, ...] = ()
    rollouts: RolloutScan | None = None
    left_out: tuple[Path, ...] = ()
    sizes: Mapping[str, float] = field(default_factory=dict)
    model: str = ""
    smooth: int | None = None

    @cached_property
    def series(self) -> dict[str, Series]:
        """Every metric by name, those that are counted in the rollouts too."""
        counted = {} if self.rollouts is None else series_of_signs(self.rollouts)
        found = {**self.table.series, **counted}
        if self.smooth is None:
            return found
        return {name: replace(line, reach=self.smooth) for name, line in found.items()}

    def size(self, name: str) -> float | None:
        """A size of the run: what the user gave, else the last logged value."""
        if name in self.sizes:
            return self.sizes[name]
        found = self.series.get(name)
        return float(found.finite.values[-1]) if found and len(found.finite.values) else None


def load_run(
    path: Path,
    sizes: Mapping[str, float] | None = None,
    *,
    model: str = "",
    smooth: int | None = None,
) -> Run:
    """Reads a run.

    Args:
        path: the run's directory, or one of its logs.
        sizes: see `Run`.
        model: see `Run`; that of the recipe beside the run where "".
        smooth: see `Run`.

    Raises:
        InputError: nothing there that is a log, no readable step in it, or an event file while
            tensorboard is not installed.
    """
    with _collector_paused():
        found = find_sources(path)
        scan = scan_rollouts(found.rollouts) if found.rollouts is not None else None
        rows = Rows()
        for log in found.logs:
            rows.extend(log.rows)
        if not rows and scan is not None and not found.logs:
            rows = Rows(rows_of(scan))
        if not rows:
            raise _no_steps(path, found, scan)
        table = build_table(rows)
    model = model or str(recipe_of(found.folder).get("model", ""))
    logs, others = found.logs, found.left_out
    return Run(found.folder, table, logs, scan, others, dict(sizes or {}), model, smooth)


def recipe_of(folder: Path) -> Mapping[str, Any]:
    """The recipe that `msrl-ext train` recorded for a run or above it; empty where it did not."""
    for place in (folder, folder.parent):
        try:
            found = json.loads((place / RECIPE_FILE).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue
        if isinstance(found, dict):
            return found
    return {}


@contextmanager
def _collector_paused() -> Iterator[None]:
    """Millions of numbers hold no cycles: looking for some takes a fifth of the reading."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _no_steps(path: Path, found: Found, scan: RolloutScan | None) -> InputError:
    logs = [log for log in found.logs if log.broken.count]
    faults = [str(log.broken) for log in logs] + ([str(scan.broken)] if scan else [])
    broken = next((fault for fault in faults if fault), "")
    files = [str(log.path) for log in found.logs] or [str(path)]
    empty = all(Path(file).is_file() and not Path(file).stat().st_size for file in files)
    return InputError(
        f"{', '.join(files)} holds no steps",
        found="an empty file" if empty else broken or "no line that is a step of a training",
        expected=EXPECTED,
        remedy="wait for the first step of the run" if empty else "give the log of the training",
    )
