"""Lets MindSpeed-LLM's `convert_ckpt.py` find our loader and saver.

Covers: `--loader msrl_ext --saver msrl_ext`, which the host looks up as modules of its own package:
our folder of plugins is added to the package's path.
Does not cover: `--load-model-type`, with which the host takes its own loader and saver.
"""

from __future__ import annotations

import os
from types import ModuleType

from mindspeed_rl_ext.hosts.protocol import Point

FOLDER = os.path.join(os.path.dirname(__file__), "plugins")


def add_plugins(module: ModuleType) -> None:
    """Adds the folder of our plugins to a host package, once, behind the host's own."""
    if FOLDER not in module.__path__:
        module.__path__.append(FOLDER)


def leave_out(module: ModuleType, error: Exception) -> None:
    """Nothing: the host says that it finds no such loader, and stops."""


CHECKPOINT_POINT = Point(
    module="mindspeed_llm.tasks.checkpoint",
    attribute="__path__",
    probe=(),
    apply=add_plugins,
    tripwire=leave_out,
    ledger="LLM-3",
    required=False,
)
