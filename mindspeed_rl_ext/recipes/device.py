"""Which device a recipe runs on: npu, cuda, cpu, in that order.

Covers: finding the device, and threads for models too small to share work.
Does not cover: several devices; accelerate does.
"""

from __future__ import annotations

import logging
from importlib.util import find_spec

from mindspeed_rl_ext.core.torch_import import without_device_extensions

_LOG = logging.getLogger(__name__)


def pick_device() -> str:
    """The name of the best device that is usable: "npu", "cuda" or "cpu".

    Example:
        >>> pick_device() in ("npu", "cuda", "cpu")
        True
    """
    with without_device_extensions():  # one that cannot be loaded is named below
        import torch

    if find_spec("torch_npu") is not None and _npu_is_usable():
        return "npu"
    return "cuda" if torch.cuda.is_available() else "cpu"


def _npu_is_usable() -> bool:
    import torch

    try:
        import torch_npu  # noqa: F401  # importing it adds torch.npu

        return bool(torch.npu.is_available())
    except (ImportError, OSError, RuntimeError, AttributeError) as error:
        # Without CANN or a driver, a library that it loads is not there.
        _LOG.warning("torch_npu is installed but cannot be used, the NPU is left out: %s", error)
        return False


def use_one_thread() -> None:
    """Runs torch on one thread: with a tiny model, two threads cost more than they save."""
    import torch

    torch.set_num_threads(1)
