"""Weights that are not plain numbers: what they are, and that they are not converted silently.

Covers: what config.json and names say of a quantised model; number formats that are no weights of a
trained model.
Does not cover: block FP8 with its scales and MXFP4, which are dequantised while they are read.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from mindspeed_rl_ext.checkpoint.dtypes import CASTABLE, DType
from mindspeed_rl_ext.checkpoint.tensors import Ref
from mindspeed_rl_ext.checkpoint.wording import some
from mindspeed_rl_ext.core.errors import InputError

NONE, KEEP = "none", "keep"
# Part of a name -> what has such tensors.
_MARKS: Mapping[str, str] = {
    ".qweight": "AWQ or GPTQ",
    ".qzeros": "AWQ or GPTQ",
    ".weight_packed": "compressed-tensors",
    ".weight_scale": "per-tensor or per-channel FP8 or INT8",
    ".input_scale": "per-tensor FP8 with activation scales",
    ".SCB": "bitsandbytes INT8",
    ".absmax": "bitsandbytes NF4",
    "_blocks": "MXFP4",
}
BLOCK_SCALES = "weight_scale_inv"
DEQUANTIZED_HERE = ("fp8", "mxfp4")


def quantization_of(config: Mapping[str, Any], names: Iterable[str]) -> str:
    """What a model is quantised with; "" for plain weights, block FP8, and MXFP4.

    Example:
        >>> quantization_of({"quantization_config": {"quant_method": "awq", "bits": 4}}, [])
        'awq, 4 bits'
    """
    declared = config.get("quantization_config")
    method = declared.get("quant_method") if isinstance(declared, Mapping) else None
    for name in names:
        for mark, what in _MARKS.items():
            if mark in name and BLOCK_SCALES not in name:
                return f"{what} ({name})"
    if not isinstance(declared, Mapping) or not method or method in DEQUANTIZED_HERE:
        return ""
    bits = declared.get("bits") or (4 if declared.get("load_in_4bit") else None)
    return f"{method}, {bits} bits" if bits else str(method)


def check_formats(found: Mapping[Ref, DType], place: str, quantization: str) -> None:
    """Checks that all weights are numbers that models are trained in.

    Args:
        found: tensor -> its number format.
        place: the checkpoint, for messages.
        quantization: KEEP lets other formats pass as they are.

    Raises:
        InputError: other formats, without scales that would make weights of them.
    """
    others = {str(ref): kind.name for ref, kind in found.items() if kind.name not in CASTABLE}
    if others and quantization != KEEP:
        kinds = sorted(set(others.values()))
        raise InputError(
            f"{place} has weights in {', '.join(kinds)}",
            found=f"{len(others)} tensors, such as {some(others, 2)}",
            expected=" or ".join(CASTABLE),
            remedy="save the model in bf16, or --quantization keep to write them as they are",
        )
