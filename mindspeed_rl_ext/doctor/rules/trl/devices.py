"""Devices of TRL files: flash attention, tf32, precision beside accelerate.

Covers: NPUs, CPUs, the libraries that are installed. Does not cover: memory.
"""

from __future__ import annotations

from collections.abc import Iterator

from mindspeed_rl_ext.core.rules import At, Finding, at
from mindspeed_rl_ext.doctor.readers.trl_part import TrlPart
from mindspeed_rl_ext.doctor.rulebook import check, rule

FLASH = "flash_attention_2"

TRL_FLASH_ATTENTION_ON_NPU = rule(
    "trl-flash-attention-on-npu",
    "error",
    on=TrlPart,
    en=(
        "attn_implementation is flash_attention_2 and torch_npu is installed: "
        "flash-attn has no NPU build (newer transformers may have a kernel of "
        "torch_npu's for it; not run by us)",
        "attn_implementation: sdpa",
    ),
    zh=(
        "attn_implementation 是 flash_attention_2，而装了 torch_npu：flash-attn 没有 "
        "NPU 版（较新的 transformers 可能换成 torch_npu 的算子；我们没有跑过）",
        "attn_implementation: sdpa",
    ),
)
TRL_FLASH_ATTENTION_ABSENT = rule(
    "trl-flash-attention-absent",
    "warning",
    on=TrlPart,
    en=(
        "attn_implementation is flash_attention_2, but flash-attn is not installed here",
        "pip install flash-attn on a CUDA machine, or attn_implementation: sdpa",
    ),
    zh=(
        "attn_implementation 是 flash_attention_2，但这里没有装 flash-attn",
        "在 CUDA 机器上 pip install flash-attn，或 attn_implementation: sdpa",
    ),
)


@check(TrlPart)
def flash_attention(part: TrlPart) -> Iterator[Finding]:
    """flash_attention_2 is there, and not asked of an NPU."""
    arguments = part.document.table(*part.path, "model_init_kwargs")
    attention = part.table.get("attn_implementation") or arguments.get("attn_implementation")
    place, versions = part.place("attn_implementation"), part.environment.versions
    if attention == FLASH and "torch-npu" in versions:
        yield TRL_FLASH_ATTENTION_ON_NPU.at(place)
    elif attention == FLASH and "flash-attn" not in versions:
        yield TRL_FLASH_ATTENTION_ABSENT.at(place)


TRL_TF32_ON_CPU = rule(
    "trl-tf32-on-cpu",
    "error",
    on=TrlPart,
    en=(
        "tf32: true needs a CUDA device of the Ampere generation or newer; on a CPU it stops "
        "the run",
        "tf32: false",
    ),
    zh=("tf32: true 需要 Ampere 及以后的 CUDA 设备；在 CPU 上会直接报错", "tf32: false"),
)
TRL_TF32_ON_NPU = rule(
    "trl-tf32-on-npu",
    "error",
    on=TrlPart,
    en=(
        "tf32: true needs a CUDA device of the Ampere generation or newer; on an NPU it stops "
        "the run",
        "tf32: false",
    ),
    zh=("tf32: true 需要 Ampere 及以后的 CUDA 设备；在 NPU 上会直接报错", "tf32: false"),
)
TRL_TF32_NEEDS_AMPERE = rule(
    "trl-tf32-needs-ampere",
    "note",
    on=TrlPart,
    en=("tf32: true runs only on CUDA devices from Ampere on; elsewhere it stops the run",),
    zh=("tf32: true 只能在 Ampere 及以后的 CUDA 设备上用；其他设备会报错",),
)


@check(TrlPart)
def tf32(part: TrlPart) -> Iterator[Finding]:
    """tf32 is asked of a CUDA device only."""
    if part.table.get("tf32") is not True:
        return
    place = part.place("tf32")
    if part.table.get("use_cpu") is True:
        yield TRL_TF32_ON_CPU.at(place)
    elif "torch-npu" in part.environment.versions:
        yield TRL_TF32_ON_NPU.at(place)
    else:
        yield TRL_TF32_NEEDS_AMPERE.at(place)


@rule(
    "accelerate-precision-differs",
    "error",
    on=TrlPart,
    en=("accelerate has mixed_precision {theirs}, the TRL file {ours}", "make both the same"),
    zh=("accelerate 的 mixed_precision 是 {theirs}，TRL 文件是 {ours}", "两处改成一致"),
)
def precision(part: TrlPart) -> Iterator[At]:
    """TRL and accelerate have one precision."""
    if part.accelerate is None:
        return
    theirs = str(part.accelerate.value.get("mixed_precision", "no"))
    ours = next((name for name in ("bf16", "fp16") if part.table.get(name) is True), None)
    if ours is not None and theirs not in (ours, "no"):
        yield at(part.accelerate.place("mixed_precision"), theirs=theirs, ours=ours)
