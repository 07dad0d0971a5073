"""The layout that a checkpoint's args describe.

Covers: Megatron's names and the hosts'; sizes that we do not read are refused by name.
Does not cover: what only the tensors say (grouped experts, dialect, padding); the reader looks.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mindspeed_rl_ext.checkpoint.mapping.layout import Layout
from mindspeed_rl_ext.checkpoint.mapping.uneven_stages import chunk_layers
from mindspeed_rl_ext.checkpoint.options import parse_numbers
from mindspeed_rl_ext.core.errors import InputError


def layout_of_args(args: Mapping[str, Any], place: str) -> Layout:
    """The layout that a checkpoint's args describe, by Megatron's or the hosts' names.

    Raises:
        InputError: the parallel sizes are missing, or something not read yet is set.
    """
    if args.get("schedules_method") not in (None, "", "dualpipev"):
        found = args["schedules_method"]
        raise InputError(f"{place} has schedules_method={found}, which is not read")
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
    whole_experts = bool(args.get("num_experts")) and etp == 1 and sizes[0] != 1 and not extend_ep
    if args.get("num_experts") and etp not in (None, 1, sizes[0]) and not extend_ep:
        raise InputError(
            f"{place} cuts experts by another size than the rest, which is not read",
            found=f"expert_tensor_parallel_size={etp}, tensor_model_parallel_size={sizes[0]}",
        )
    impl = args.get("transformer_impl")
    dualpipe = args.get("schedules_method") == "dualpipev"
    pp = int(sizes[1] or 1)
    layer_list = parse_numbers(args.get("num_layer_list"))
    uneven = () if dualpipe or layer_list else chunk_layers(args, pp, _virtual_stages(args))
    return Layout(
        tp=int(sizes[0] or 1),
        pp=pp,
        layers_per_virtual_stage=0 if dualpipe or uneven else _per_virtual_stage(args, pp),
        layer_list=layer_list,
        chunk_layers=uneven,
        noop_layers=tuple(sorted(parse_numbers(args.get("noop_layers")))),
        transformer_impl=impl if impl == "transformer_engine" else "local",
        ep=ep,
        extend_ep=extend_ep,
        whole_experts=whole_experts,
        dualpipe=dualpipe,
    )


def _virtual_stages(args: Mapping[str, Any]) -> int:
    """Virtual stages per pipeline stage, where args give their number."""
    names = ("virtual_pipeline_model_parallel_size", "num_virtual_stages_per_pipeline_rank")
    counts = (args.get(name) for name in names)
    return next((count for count in counts if isinstance(count, int) and count > 1), 1)


def _per_virtual_stage(args: Mapping[str, Any], pp: int) -> int:
    """Layers of a virtual stage; Megatron's args may give the number of virtual stages alone."""
    each, layers = args.get("num_layers_per_virtual_pipeline_stage"), args.get("num_layers")
    count = _virtual_stages(args)
    if each is None and isinstance(layers, int) and count > 1:
        return layers // (pp * count)
    return int(each or 0)
