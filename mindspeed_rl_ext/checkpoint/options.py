"""What a conversion is asked to do.

Covers: the options with their defaults, and checks that need no file.
Does not cover: flags; `commands.convert` reads them.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from mindspeed_rl_ext.checkpoint.dtypes import CASTABLE, by_name
from mindspeed_rl_ext.errors import InputError

KINDS = ("hf", "mg")
IMPLEMENTATIONS = ("local", "transformer_engine")


@dataclass(frozen=True)
class ConvertOptions:
    """One conversion.

    Args:
        load_model_type: "hf" or "mg".
        save_model_type: "hf" or "mg".
        load_dir: the checkpoint to read.
        save_dir: the directory to write.
        tensor_parallel_size: ranks that cut each tensor (hf -> mg).
        pipeline_parallel_size: stages that share the layers (hf -> mg).
        num_layers_per_virtual_pipeline_stage: layers of a virtual stage; None without.
        num_layer_list: layers of each stage; empty for equal stages.
        noop_layers: slots without a layer, counted from 0.
        make_vocab_size_divisible_by: the padded vocabulary is a multiple of this times TP.
        padded_vocab_size: rows after padding; None follows make_vocab_size_divisible_by.
        model_type_hf: a model type, or "auto" for what config.json says.
        add_qkv_bias: with `llama2`, how older hosts spell Qwen2.
        params_dtype: number format to write ("bf16", "fp16", "fp32"); None keeps the source's.
        transformer_impl: "local" or "transformer_engine", the names of the norms (hf -> mg).
        hf_cfg_dir: directory of config.json and tokenizer; None for load_dir or the manifest's.
        max_shard_bytes: most bytes of a safetensors file (mg -> hf).
        overwrite: replace a checkpoint in save_dir.
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
    overwrite: bool = False
    verify: bool = False

    def __post_init__(self) -> None:
        _check_direction(self)
        for name in (
            "tensor_parallel_size",
            "pipeline_parallel_size",
            "make_vocab_size_divisible_by",
            "max_shard_bytes",
        ):
            if getattr(self, name) < 1:
                raise InputError(f"{name} must be positive", found=str(getattr(self, name)))
        for name in ("num_layers_per_virtual_pipeline_stage", "padded_vocab_size"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise InputError(f"{name} must be positive", found=str(value))
        if self.transformer_impl not in IMPLEMENTATIONS:
            raise InputError(
                f"unknown transformer_impl {self.transformer_impl!r}",
                expected=" or ".join(IMPLEMENTATIONS),
            )
        if self.params_dtype is not None and by_name(self.params_dtype).name not in CASTABLE:
            raise InputError(
                f"weights are not written as {self.params_dtype}", expected=", ".join(CASTABLE)
            )


def _check_direction(options: ConvertOptions) -> None:
    pair = (options.load_model_type, options.save_model_type)
    if not set(pair) <= set(KINDS):
        raise InputError(f"unknown direction {pair[0]} -> {pair[1]}", expected=" or ".join(KINDS))
    if pair[0] == pair[1]:
        raise InputError(
            f"{pair[0]} -> {pair[1]} is not built yet",
            expected="hf -> mg or mg -> hf",
            remedy="convert mg -> hf, then hf -> mg" if pair[0] == "mg" else "",
        )
