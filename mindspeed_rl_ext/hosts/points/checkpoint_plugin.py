"""Lets MindSpeed-LLM's `convert_ckpt.py` find our loader and saver.

Covers: `--loader msrl_ext --saver msrl_ext`, which the host looks up as modules of its own package:
our folder of plugins is added to the package's path.
Does not cover: `--load-model-type`, with which the host takes its own loader and saver.
"""

from __future__ import annotations

import os
from types import ModuleType

from mindspeed_rl_ext.hosts.point import Caller, LedgerRow, Point

FOLDER = os.path.join(os.path.dirname(os.path.dirname(__file__)), "plugins")


def add_plugins(module: ModuleType) -> None:
    """Adds the folder of our plugins to a host package, once, behind the host's own."""
    if FOLDER not in module.__path__:
        module.__path__.append(FOLDER)


def leave_out(module: ModuleType, error: Exception) -> None:
    """Nothing: the host stops with a message that it has no such loader."""


CHECKPOINT_POINT = Point(
    module="mindspeed_llm.tasks.checkpoint",
    attribute="__path__",
    probe=(),
    apply=add_plugins,
    tripwire=leave_out,
    ledger=LedgerRow(
        "LLM-3",
        "`mindspeed_llm.tasks.checkpoint.__path__`, where the package looks for modules, is "
        "extended by our folder of plugins, so that `convert_ckpt.py --loader msrl_ext "
        "--saver msrl_ext` finds `loader_msrl_ext` and `saver_msrl_ext`",
        "loaders and savers are looked up as modules of that package only",
        "when the host takes loaders from an entry point; where there is no `convert_ckpt.py` "
        "(master has `convert_ckpt_v2.py` alone, which never looks there) nothing is done, and "
        "`msrl-ext convert` does the work",
    ),
    required=False,
    callers=(Caller(r"mindspeed_llm\.tasks\.checkpoint", script="convert_ckpt.py"),),
)
