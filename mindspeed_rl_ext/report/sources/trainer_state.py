"""trainer_state.json, which transformers' Trainer (and so TRL) writes beside each checkpoint.

Covers: its `log_history`.
Does not cover: steps after the last save; the printed log or tensorboard has those.
"""

from __future__ import annotations

import json
from pathlib import Path

from mindspeed_rl_ext.core.errors import InputError
from mindspeed_rl_ext.report.sources.record import Broken, FileRead, numbers_of, whole
from mindspeed_rl_ext.report.sources.rows import Rows

_SUMMARY = "train_runtime"


def read_trainer_state(path: Path) -> FileRead:
    """Reads the history of a trainer.

    Args:
        path: a trainer_state.json.

    Raises:
        InputError: no readable JSON, no `log_history` in it.
    """
    try:
        state = json.loads(path.read_bytes())
        history = state["log_history"]
        entries = list(history)
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise InputError(
            f"{path} is no readable trainer state",
            found=str(error),
            expected='a JSON object with "log_history"',
            remedy="give an earlier checkpoint's trainer_state.json: this one was cut off",
        ) from error
    rows = Rows()
    broken = Broken()
    for number, entry in enumerate(entries, start=1):
        if isinstance(entry, dict) and _SUMMARY in entry:
            continue
        step = whole(entry.get("step")) if isinstance(entry, dict) else None
        if step is None:
            broken.add(number, "an entry without a step")
            continue
        try:
            rows.add(step, numbers_of({k: v for k, v in entry.items() if k != "step"}))
        except ValueError as error:
            broken.add(number, str(error))
    return FileRead(path, "trainer state", rows, broken)
