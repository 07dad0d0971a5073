"""The layout that a checkpoint's args describe.

Covers: Megatron's names and the hosts'; sizes that we do not read are refused by name.
Does not cover: what only the tensors say (grouped experts, dialect, padding); `mg_source` looks.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mindspeed_rl_ext.checkpoint.mapping.layout import Layout
from mindspeed_rl_ext.checkpoint.options import parse_numbers
from mindspeed_rl_ext.core.errors import InputError


def layout_of_args(args: Mapping[str, Any], place: str) -> Layout:
    """The layout that a checkpoint's args describe, by Megatron's or the hosts' names.

    Raises:
        InputError: the parallel sizes are missing, or something not read yet is set.
    """
    for name in ("schedules_method", "mtp_num_layers", "mla_mm_split"):
        if args.get(name):
            raise InputError(f"{place} has {name}={args[name]}, which is not read")
    sizes = [args.get(f"{kind}_model_parallel_size") for kind in ("tensor", "pipeline")]
    if not all(isinstance(size, int) and size > 0 for size in sizes):
        raise InputError(
            f"the args of {place} do not say how the checkpoint is sharded",
            found=f"tensor, pipeline model_parallel_size: {sizes}",
            expected="two positive integers",
        )
    ep = int(args.get("expert_model_parallel_size") or 1)
    etp = args.get("expert_tensor_parallel_size")
    extend_ep = bool(args.get("num_experts") and args.get("moe_tp_extend_ep"))
    if args.get("num_experts") and etp not in (None, sizes[0]) and not extend_ep:
        raise InputError(
            f"{place} cuts experts by another size than the rest, which is not read",
            found=f"expert_tensor_parallel_size={etp}, tensor_model_parallel_size={sizes[0]}",
        )
    impl = args.get("transformer_impl")
    return Layout(
        tp=int(sizes[0] or 1),
        pp=int(sizes[1] or 1),
        layers_per_virtual_stage=int(args.get("num_layers_per_virtual_pipeline_stage") or 0),
        layer_list=parse_numbers(args.get("num_layer_list")),
        noop_layers=tuple(sorted(parse_numbers(args.get("noop_layers")))),
        transformer_impl=impl if impl == "transformer_engine" else "local",
        ep=ep,
        extend_ep=extend_ep,
    )
