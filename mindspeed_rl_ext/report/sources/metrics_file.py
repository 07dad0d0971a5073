"""metrics.jsonl, and any JSON Lines file with a step and numbers on each line.

Covers: our own file, that of verl's `logger: file`, and exports that name the step `_step`,
`global_step` or `iteration`.
Does not cover: rollouts; `rollouts` reads those.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mindspeed_rl_ext.report.sources.record import Broken, FileRead, numbers_of, whole
from mindspeed_rl_ext.report.sources.rows import Row, Rows

STEP_NAMES = ("step", "_step", "global_step", "iteration")


def read_metrics_file(path: Path) -> FileRead:
    """Reads every line that can be read.

    Args:
        path: a JSON Lines file.
    """
    parse = _parser()
    rows = Rows()
    broken = Broken()
    with path.open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            try:
                rows.add(*_row(parse(line)))
            except (ValueError, RecursionError) as error:
                broken.add(number, _why(error))
    return FileRead(path, "metrics", rows, broken)


def _parser() -> Callable[[bytes], Any]:
    """orjson where it is installed, four times as fast; json says what is wrong with a line."""
    try:
        import orjson
    except ImportError:
        return json.loads

    def parse(line: bytes) -> Any:
        try:
            return orjson.loads(line)
        except ValueError:  # also NaN and Infinity, which orjson refuses
            return json.loads(line)

    return parse


def _row(values: Any) -> Row:
    if not isinstance(values, dict):
        raise ValueError("no JSON object")
    for name in STEP_NAMES:
        if name in values:
            step = whole(values.pop(name))
            if step is None:
                raise ValueError(f"{name} is no integer")
            # verl's file logger has the numbers one level down.
            inner = values.get("data")
            return step, numbers_of(inner if isinstance(inner, dict) else values)
    raise ValueError("no step")


def _why(error: Exception) -> str:
    if isinstance(error, json.JSONDecodeError):
        return "no readable JSON"
    if isinstance(error, UnicodeDecodeError):
        return "no UTF-8"
    return str(error) or type(error).__name__
