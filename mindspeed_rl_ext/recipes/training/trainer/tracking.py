"""Trackers by name: tensorboard, wandb, swanlab and whatever else the Trainer knows.

Covers: names that are not installed are left out and named once; a run needs none of them.
Does not cover: metrics.jsonl, which every run writes.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from importlib.util import find_spec

from mindspeed_rl_ext.core.errors import InputError, nearest

logger = logging.getLogger(__name__)

# Tracker to the libraries any of which brings it.
LIBRARIES = {
    "tensorboard": ("tensorboard", "tensorboardX"),
    "wandb": ("wandb",),
    "swanlab": ("swanlab",),
    "trackio": ("trackio",),
    "mlflow": ("mlflow",),
}


def usable_trackers(names: Sequence[str]) -> tuple[str, ...]:
    """The trackers of a run that are installed.

    Args:
        names: as the recipe lists them; "none" for no tracker.

    Raises:
        InputError: an unknown name.
    """
    usable = []
    for name in names:
        if name == "none":
            continue
        if name not in LIBRARIES:
            raise InputError(f"unknown tracker {name!r}", remedy=nearest(name, LIBRARIES))
        if any(find_spec(library) for library in LIBRARIES[name]):
            usable.append(name)
        else:
            logger.warning(
                "%s is not installed: metrics.jsonl has every number; pip install %s",
                name,
                LIBRARIES[name][0],
            )
    return tuple(usable)
