"""The layout that a checkpoint's args describe.

Covers: Megatron's names and the hosts'; sizes that we do not read are refused by name.
Does not cover: what only the tensors say (grouped experts, dialect, padding); the reader looks.
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
    for name, known in (("schedules_method", "dualpipev"), ("pipeline_model_parallel_layout", "")):
        if args.get(name) and args[name] != known:
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
    whole_experts = bool(args.get("num_experts")) and etp == 1 and sizes[0] != 1 and not extend_ep
    if args.get("num_experts") and etp not in (None, 1, sizes[0]) and not extend_ep:
        raise InputError(
            f"{place} cuts experts by another size than the rest, which is not read",
            found=f"expert_tensor_parallel_size={etp}, tensor_model_parallel_size={sizes[0]}",
        )
    impl = args.get("transformer_impl")
    dualpipe = args.get("schedules_method") == "dualpipev"
    return Layout(
        tp=int(sizes[0] or 1),
        pp=int(sizes[1] or 1),
        layers_per_virtual_stage=0 if dualpipe else _per_virtual_stage(args, int(sizes[1] or 1)),
        layer_list=parse_numbers(args.get("num_layer_list")) or _uneven(args, int(sizes[1] or 1)),
        noop_layers=tuple(sorted(parse_numbers(args.get("noop_layers")))),
        transformer_impl=impl if impl == "transformer_engine" else "local",
        ep=ep,
        extend_ep=extend_ep,
        whole_experts=whole_experts,
        dualpipe=dualpipe,
    )


def _per_virtual_stage(args: Mapping[str, Any], pp: int) -> int:
    """Layers of a virtual stage; Megatron's args may give the number of virtual stages alone."""
    each = args.get("num_layers_per_virtual_pipeline_stage")
    count, layers = args.get("virtual_pipeline_model_parallel_size"), args.get("num_layers")
    if each is None and isinstance(count, int) and isinstance(layers, int) and count > 1:
        return layers // (pp * count)
    return int(each or 0)


def _uneven(args: Mapping[str, Any], pp: int) -> tuple[int, ...]:
    """Layers of each stage, where Megatron's args set the first or last apart."""
    first, last = (args.get(f"decoder_{end}_pipeline_num_layers") for end in ("first", "last"))
    layers = args.get("num_layers")
    if pp < 2 or not isinstance(layers, int) or (first is None and last is None):
        return ()
    ends = [int(number) for number in (first, last) if number is not None]
    count = pp - len(ends)
    each = (layers - sum(ends)) // count if count else 0
    front = ends[:1] if first is not None else []
    back = ends[-1:] if last is not None else []
    return (*front, *([each] * count), *back)
