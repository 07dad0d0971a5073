"""Event files of tensorboard, through its own library.

Covers: scalars, of any writer; MindSpeed-RL and TRL put `train/` before each name.
Does not cover: images, histograms, text.
"""

from __future__ import annotations

import logging
from pathlib import Path

from mindspeed_rl_ext.core.errors import InputError
from mindspeed_rl_ext.report.sources.record import Broken, FileRead
from mindspeed_rl_ext.report.sources.rows import Rows

_TRAIN = "train/"


def read_event_file(path: Path) -> FileRead:
    """Reads all scalars of an event file; what follows a damaged record is left out.

    Args:
        path: a file named `events.out.tfevents.*`.

    Raises:
        InputError: tensorboard is not installed.
    """
    try:
        from tensorboard.backend.event_processing import event_accumulator
    except ImportError as error:
        raise InputError(
            f"reading {path.name} needs tensorboard",
            found="tensorboard is not importable",
            remedy="pip install tensorboard, or give the run's console log",
        ) from error
    logging.getLogger("tensorboard").setLevel(logging.ERROR)
    events = event_accumulator.EventAccumulator(
        str(path), size_guidance={event_accumulator.SCALARS: 0, event_accumulator.TENSORS: 0}
    )
    events.Reload()
    by_step: dict[int, dict[str, float]] = {}
    tags = events.Tags()
    for tag in tags["scalars"]:
        name = tag.removeprefix(_TRAIN)
        for event in events.Scalars(tag):
            by_step.setdefault(int(event.step), {})[name] = float(event.value)
    for tag in tags.get("tensors", ()):
        _add_tensors(tag.removeprefix(_TRAIN), events.Tensors(tag), by_step)
    return FileRead(path, "tensorboard", Rows(sorted(by_step.items())), Broken())


def _add_tensors(name: str, events: object, by_step: dict[int, dict[str, float]]) -> None:
    """Newer writers store a scalar as a tensor of one number."""
    from tensorboard.util import tensor_util

    for event in events:  # type: ignore[attr-defined]
        array = tensor_util.make_ndarray(event.tensor_proto)
        if array.size == 1 and array.dtype.kind in "fiu":
            by_step.setdefault(int(event.step), {})[name] = float(array)
