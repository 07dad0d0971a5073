"""Puts our handler into a host's handler module, and its name past the host's allow-list.

Covers: MindSpeed-RL's `data_handler` and `validate_data_handler_config`.
Does not cover: MindSpeed-LLM's allow-list, which is in a script and out of an import hook's reach.
"""

from __future__ import annotations

import functools
from types import ModuleType
from typing import Any

from mindspeed_rl_ext.hosts.points.overlay import Overlay
from mindspeed_rl_ext.hosts.tripwire import trip_class, trip_functions

HANDLER = "AlpacaStylePromptOnlyHandler"
# A handler of the host's own whose name passes every other check of its list.
STANDS_FOR_US = "AlpacaStyleInstructionHandler"


def set_handler(module: ModuleType) -> None:
    """Sets our handler class where the host looks for handlers by name."""
    from mindspeed_rl_ext.preprocess.handler import AlpacaStylePromptOnlyHandler

    setattr(module, HANDLER, AlpacaStylePromptOnlyHandler)


def trip_handler(module: ModuleType, error: Exception) -> None:
    """Sets a class of that name that raises when the host makes one."""
    trip_class(module, error, HANDLER)


def allow_handler(module: ModuleType) -> None:
    """Wraps `validate_data_handler_config(config)`: all its checks hold for us but the name."""
    original = module.validate_data_handler_config
    if getattr(original, "_msrl_ext", False):
        return

    @functools.wraps(original)
    def validate_data_handler_config(config: Any) -> Any:
        if names_our_handler(config):
            return original(Overlay(config, handler_name=STANDS_FOR_US))
        return original(config)

    validate_data_handler_config._msrl_ext = True  # type: ignore[attr-defined]
    module.validate_data_handler_config = validate_data_handler_config  # type: ignore[attr-defined]


def trip_allow_list(module: ModuleType, error: Exception) -> None:
    """Makes every function of the module that is given a config with our handler raise."""
    trip_functions(module, error, names_our_handler)


def names_our_handler(config: Any) -> bool:
    """Whether a configuration asks for our handler."""
    return bool(getattr(config, "handler_name", None) == HANDLER)
