"""What a conversion is asked to do.

Covers: the options with their defaults, and checks that need no file.
Does not cover: flags; `commands.convert` reads them.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from mindspeed_rl_ext.checkpoint.dtypes import CASTABLE, full_name
from mindspeed_rl_ext.core.errors import InputError

KINDS = ("hf", "mg")
IMPLEMENTATIONS = ("local", "transformer_engine")
# More gain little: a disk is full by then.
_MOST_BY_DEFAULT = 4
DIALECTS = ("0.8", "0.12")


@dataclass(frozen=True)
class ConvertOptions:
    """One conversion.

    Args:
        load_model_type: "hf" or "mg".
        save_model_type: "hf" or "mg".
        load_dir: the checkpoint to read.
        save_dir: the directory to write.
        tensor_parallel_size: ranks that cut each tensor written.
        pipeline_parallel_size: stages that share the layers.
        num_layers_per_virtual_pipeline_stage: layers of a virtual stage; None without.
        num_layer_list: layers of each stage; empty for equal stages.
        noop_layers: slots without a layer, counted from 0.
        make_vocab_size_divisible_by: the padded vocabulary is a multiple of this times TP.
        padded_vocab_size: rows after padding; None follows make_vocab_size_divisible_by.
        model_type_hf: a model type, or "auto" for what config.json says.
        add_qkv_bias: with `llama2`, how older hosts spell Qwen2.
        params_dtype: number format to write ("bf16", "fp16", "fp32"); None keeps the source's.
        transformer_impl: "local" or "transformer_engine", whose names are written.
        expert_parallel_size: ranks that share the experts.
        moe_grouped_gemm: one buffer holds the experts of a rank.
        moe_tp_extend_ep: TP ranks hold whole experts.
        mcore_dialect: "0.8" or "0.12", whose names of latent attention and the shared gate.
        mtp_num_layers: 0 leaves multi-token-prediction layers out; None refuses a model with them.
        hf_cfg_dir: directory of config.json and tokenizer; None for load_dir or the manifest's.
        max_shard_bytes: most bytes of a safetensors file (mg -> hf).
        overwrite: replace a checkpoint in save_dir.
        resume: go on where a stopped run with the same source and options was.
        workers: threads that copy; 0 for one per core, at most 4.
        sha256: record SHA-256 of each tensor too.
        verify: verify what was written.

    Raises:
        InputError: an option that cannot be.
    """

    load_model_type: str
    save_model_type: str
    load_dir: Path
    save_dir: Path
    tensor_parallel_size: int = 1
    pipeline_parallel_size: int = 1
    num_layers_per_virtual_pipeline_stage: int | None = None
    num_layer_list: tuple[int, ...] = ()
    noop_layers: tuple[int, ...] = ()
    make_vocab_size_divisible_by: int = 1
    padded_vocab_size: int | None = None
    model_type_hf: str = "auto"
    add_qkv_bias: bool = False
    params_dtype: str | None = None
    transformer_impl: str = "local"
    hf_cfg_dir: Path | None = None
    max_shard_bytes: int = 5_000_000_000
    expert_parallel_size: int = 1
    moe_grouped_gemm: bool = False
    moe_tp_extend_ep: bool = False
    mcore_dialect: str = "0.8"
    mtp_num_layers: int | None = None
    resume: bool = False
    workers: int = 0
    sha256: bool = False
    overwrite: bool = False
    verify: bool = False

    @property
    def threads(self) -> int:
        """Threads that copy."""
        return self.workers or min(_MOST_BY_DEFAULT, os.cpu_count() or 1)

    def __post_init__(self) -> None:
        _check_direction(self)
        for name in (
            "tensor_parallel_size",
            "pipeline_parallel_size",
            "make_vocab_size_divisible_by",
            "max_shard_bytes",
            "expert_parallel_size",
        ):
            if getattr(self, name) < 1:
                raise InputError(f"{name} must be positive", found=str(getattr(self, name)))
        if self.workers < 0:
            raise InputError("workers must not be negative", found=str(self.workers))
        for name in ("num_layers_per_virtual_pipeline_stage", "padded_vocab_size"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise InputError(f"{name} must be positive", found=str(value))
        if self.mcore_dialect not in DIALECTS:
            raise InputError(
                f"unknown mcore_dialect {self.mcore_dialect!r}", expected=" or ".join(DIALECTS)
            )
        if self.mtp_num_layers not in (None, 0):
            raise InputError(
                "multi-token-prediction layers are not converted",
                found=f"mtp_num_layers={self.mtp_num_layers}",
                remedy="0 leaves them out",
            )
        if self.transformer_impl not in IMPLEMENTATIONS:
            raise InputError(
                f"unknown transformer_impl {self.transformer_impl!r}",
                expected=" or ".join(IMPLEMENTATIONS),
            )
        if self.params_dtype is not None and full_name(self.params_dtype) not in CASTABLE:
            raise InputError(
                f"weights are not written as {self.params_dtype}",
                expected=f"bf16, fp16 or fp32 (or {', '.join(CASTABLE)})",
                remedy="leave --params-dtype out to keep the source's format",
            )


def _check_direction(options: ConvertOptions) -> None:
    pair = (options.load_model_type, options.save_model_type)
    if not set(pair) <= set(KINDS):
        raise InputError(f"unknown direction {pair[0]} -> {pair[1]}", expected=" or ".join(KINDS))
    if pair == ("hf", "hf"):
        raise InputError(
            "hf -> hf converts nothing", expected="hf -> mg, mg -> hf, or mg -> mg (reshard)"
        )
