"""What is summed up of a tensor while it is copied.

Covers: CRC-32, SHA-256, whether a value is NaN; window by window.
Does not cover: reading and writing.
"""

from __future__ import annotations

import hashlib
from typing import NamedTuple

import numpy as np

from mindspeed_rl_ext.checkpoint.copying.crc32 import crc32, joined
from mindspeed_rl_ext.checkpoint.dtypes import DType

# Bits beyond those of infinity are NaN: the exponent is full, something follows it.
_INFINITY = {"bfloat16": 0x7F80, "float16": 0x7C00, "float32": 0x7F800000}


class Sums(NamedTuple):
    """What is known of a tensor that was written.

    Args:
        crc32: of its bytes.
        sha256: of its bytes, in hex; "" where it was not asked for.
        has_nan: a value of it is no number.
    """

    crc32: int
    sha256: str = ""
    has_nan: bool = False


class RunningSums:
    """Sums over the windows of one tensor.

    Args:
        dtype: its number format.
        sha256: compute SHA-256 as well.
    """

    def __init__(self, dtype: DType, sha256: bool) -> None:
        self._dtype, self._crc, self._has_nan = dtype, 0, False
        self._sha = hashlib.sha256() if sha256 else None

    def add(self, window: memoryview) -> int:
        """Adds a window's bytes; returns their own CRC-32."""
        crc = crc32(window)
        self._crc = joined(self._crc, crc, len(window))
        if self._sha is not None:
            self._sha.update(window)
        self._has_nan = self._has_nan or has_nan(window, self._dtype)
        return crc

    def result(self) -> Sums:
        """The sums of all windows."""
        return Sums(self._crc, self._sha.hexdigest() if self._sha else "", self._has_nan)


def has_nan(window: memoryview, dtype: DType) -> bool:
    """Whether a value is NaN.

    Example:
        >>> from mindspeed_rl_ext.checkpoint.dtypes import by_name
        >>> has_nan(memoryview(np.array([1.0, np.nan], "<f4")).cast("B"), by_name("float32"))
        True
    """
    if dtype.name not in _INFINITY:
        return False
    infinity = _INFINITY[dtype.name]
    sign = 1 << (8 * dtype.itemsize - 1)
    # The largest signed number finds NaN without a sign bit, the largest unsigned one those with.
    signed, unsigned = (np.frombuffer(window, f"<{kind}{dtype.itemsize}") for kind in "iu")
    return bool(signed.size) and bool(signed.max() > infinity or unsigned.max() > sign + infinity)
