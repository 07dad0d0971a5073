"""Importing torch where torch_npu is installed and CANN is not.

From torch 2.5 on, `import torch` loads every extension that is installed, and fails with a
RuntimeError where one cannot be loaded; so does all that imports torch, transformers among it.

Covers: torch without these extensions, and the error in a user's words.
Does not cover: torch_npu itself; who needs a device imports it by name.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from mindspeed_rl_ext.core.errors import MachineError

AUTOLOAD = "TORCH_DEVICE_BACKEND_AUTOLOAD"
_NAMED_BY_TORCH = "Failed to load the backend extension"


@contextmanager
def without_device_extensions() -> Iterator[None]:
    """A torch that is first imported inside loads no extension by itself.

    The variable is put back, so that a process started later loads them as it always would.

    Example:
        >>> with without_device_extensions():
        ...     os.environ[AUTOLOAD]
        '0'
    """
    before = os.environ.get(AUTOLOAD)
    os.environ[AUTOLOAD] = "0"
    try:
        yield
    finally:
        if before is None:
            os.environ.pop(AUTOLOAD, None)
        else:
            os.environ[AUTOLOAD] = before


def as_machine_error(error: RuntimeError) -> MachineError | None:
    """What a user can do about a torch that cannot be imported; None for any other error.

    Args:
        error: what `import torch` may have raised.
    """
    if _NAMED_BY_TORCH not in str(error):  # transformers wraps it in an error of its own
        return None
    cause = error.__cause__
    return MachineError(
        "torch cannot be imported: it cannot load an extension for a device",
        found=f"{error}" if cause is None else f"{type(cause).__name__}: {cause}",
        remedy=f"source CANN's set_env.sh; on a machine without NPUs: export {AUTOLOAD}=0",
    )
