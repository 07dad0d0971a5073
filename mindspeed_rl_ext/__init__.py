"""Reasoning RL on MindSpeed without editing the host.

Covers: the names a user needs at the top. Everything else is in its part.
Importing this package pulls in the standard library only: no torch, transformers, numpy or sympy.

Example:
    >>> import mindspeed_rl_ext
    >>> mindspeed_rl_ext.__version__ >= "0.1"
    True
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

from mindspeed_rl_ext.version import __version__

if TYPE_CHECKING:
    from mindspeed_rl_ext.activation.activate import activate
    from mindspeed_rl_ext.verifiers.registry import verifier

__all__ = ["__version__", "activate", "verifier"]

_LAZY = {
    "activate": ("mindspeed_rl_ext.activation.activate", "activate"),
    "verifier": ("mindspeed_rl_ext.verifiers.registry", "verifier"),
}


def _names_of_verl_plugins() -> list[str]:
    return os.environ.get("VERL_USE_EXTERNAL_MODULES", "").split(",")


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    module, attribute = _LAZY[name]
    return getattr(import_module(module), attribute)


# verl imports the modules that VERL_USE_EXTERNAL_MODULES names, and calls nothing in them.
if "verl" in sys.modules and "mindspeed_rl_ext" in _names_of_verl_plugins():
    import mindspeed_rl_ext.activation.verl_plugin  # noqa: F401
