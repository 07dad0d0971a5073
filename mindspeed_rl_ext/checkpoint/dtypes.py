"""Number formats of tensors: their names in each file format, and casts between them.

Covers: the formats that checkpoints hold; casts among float32, float16 and bfloat16, rounded to
nearest, ties to even.
Does not cover: arithmetic; values travel as bytes (bfloat16 as uint16).

Example:
    >>> by_safetensors_name("BF16").itemsize
    2
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mindspeed_rl_ext.core.errors import InputError, nearest

Array = NDArray[Any]


@dataclass(frozen=True)
class DType:
    """One number format.

    Args:
        name: torch's name, such as "bfloat16".
        safetensors: the name in a safetensors header.
        storage: the class name in a torch pickle.
        carrier: the numpy type that carries the bytes.
        itemsize: bytes per number.
    """

    name: str
    safetensors: str
    storage: str
    carrier: str
    itemsize: int


DTYPES = (
    DType("bfloat16", "BF16", "BFloat16Storage", "<u2", 2),
    DType("float16", "F16", "HalfStorage", "<f2", 2),
    DType("float32", "F32", "FloatStorage", "<f4", 4),
    DType("float64", "F64", "DoubleStorage", "<f8", 8),
    DType("int64", "I64", "LongStorage", "<i8", 8),
    DType("int32", "I32", "IntStorage", "<i4", 4),
    DType("int16", "I16", "ShortStorage", "<i2", 2),
    DType("int8", "I8", "CharStorage", "i1", 1),
    DType("uint8", "U8", "ByteStorage", "u1", 1),
    DType("bool", "BOOL", "BoolStorage", "?", 1),
    DType("float8_e4m3fn", "F8_E4M3", "", "u1", 1),
    DType("float8_e5m2", "F8_E5M2", "", "u1", 1),
)
_BY_NAME = {dtype.name: dtype for dtype in DTYPES}
_BY_SAFETENSORS = {dtype.safetensors: dtype for dtype in DTYPES}
_BY_STORAGE = {dtype.storage: dtype for dtype in DTYPES if dtype.storage}
_FLAG_NAMES = {"bf16": "bfloat16", "fp16": "float16", "fp32": "float32", "half": "float16"}
CASTABLE = ("bfloat16", "float16", "float32")


def full_name(name: str) -> str:
    """Torch's name for what the hosts call bf16, fp16, fp32; any other name as it is."""
    return _FLAG_NAMES.get(name, name)


def by_name(name: str) -> DType:
    """The format of torch's name; also the hosts' bf16, fp16, fp32; InputError otherwise."""
    found = _BY_NAME.get(full_name(name))
    if found is None:
        raise InputError(f"unknown number format {name!r}", remedy=nearest(name, _BY_NAME))
    return found


def by_safetensors_name(name: str) -> DType:
    """The format of a safetensors name; InputError where it is unknown."""
    if name not in _BY_SAFETENSORS:
        raise InputError(
            f"unknown number format {name!r} in a safetensors header",
            expected=", ".join(_BY_SAFETENSORS),
            remedy="save the model in one of these",
        )
    return _BY_SAFETENSORS[name]


def by_storage_name(name: str) -> DType | None:
    """The format of a torch storage class such as "BFloat16Storage"; None where unknown."""
    return _BY_STORAGE.get(name)


def cast(values: Array, source: DType, target: DType) -> Array:
    """Values in another format.

    Args:
        values: numbers in `source.carrier`, any shape.
        source: their format.
        target: the wanted format.

    Returns:
        The same shape in `target.carrier`; `values` itself where nothing is to do.

    Raises:
        InputError: one of the two is not in CASTABLE.

    Example:
        >>> bits = cast(np.array([1.0], "<f4"), by_name("float32"), by_name("bfloat16"))
        >>> hex(bits[0])
        '0x3f80'
    """
    if source == target:
        return values
    if source.name not in CASTABLE or target.name not in CASTABLE:
        raise InputError(
            f"cannot cast {source.name} to {target.name}", expected=" or ".join(CASTABLE)
        )
    wide = _widen(values, source)
    if target.name == "bfloat16":
        return _narrow(wide)
    with np.errstate(over="ignore"):
        return wide.astype(target.carrier)


def _widen(values: Array, source: DType) -> Array:
    if source.name == "bfloat16":
        bits = values.astype("<u4")
        bits <<= np.uint32(16)
        wide: Array = bits.view("<f4")
        return wide
    return values.astype("<f4")


def _narrow(values: Array) -> Array:
    """float32 to the upper 16 bits, to nearest even; NaN stays NaN."""
    bits = np.ascontiguousarray(values).view("<u4")
    rounded = bits >> np.uint32(16)
    rounded &= np.uint32(1)
    rounded += np.uint32(0x7FFF)
    rounded += bits
    rounded >>= np.uint32(16)
    narrow: Array = rounded.astype("<u2")
    not_a_number = np.isnan(values)
    if not_a_number.any():
        narrow[not_a_number] = (bits[not_a_number] >> np.uint32(16)) | np.uint32(0x40)
    return narrow
