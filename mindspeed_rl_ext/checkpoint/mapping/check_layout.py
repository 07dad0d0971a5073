"""Whether a model can be laid out so: what TP and EP must divide, layouts that a family refuses.

Covers: sizes of the model against the layout, with the sizes that would do.
Does not cover: stages; `layout.chunks` checks them.
"""

from __future__ import annotations

from collections.abc import Collection

from mindspeed_rl_ext.checkpoint.mapping.layout import Layout, divisors
from mindspeed_rl_ext.checkpoint.mapping.sizes import Sizes
from mindspeed_rl_ext.checkpoint.mapping.spec import (
    BUFFERS,
    CORE,
    CUT_EXPERTS,
    HOSTS,
    LOCAL,
    TP,
    ModelSpec,
)
from mindspeed_rl_ext.core.errors import InputError

# Kind of layout -> what messages call it, and the remedy.
_REFUSED = {
    CORE: ("the names of Megatron core", "--target with a line of MindSpeed-LLM"),
    HOSTS: ("the names of MindSpeed-LLM", "--target megatron-core-0.16"),
    TP: ("tensor parallelism", "--target-tensor-parallel-size 1"),
    BUFFERS: (
        "one buffer for all experts",
        "leave --moe-grouped-gemm out, or add --transformer-impl transformer_engine",
    ),
    LOCAL: ("the names of local layers", "--transformer-impl transformer_engine"),
    CUT_EXPERTS: ("experts cut by tensor parallelism", "--expert-tensor-parallel-size 1"),
}


def check_kinds(spec: ModelSpec, layout: Layout, more: Collection[str] = ()) -> None:
    """Checks that the family has a defined format in such a layout.

    Args:
        spec: the family.
        layout: the layout.
        more: kinds that it is of beside those that its sizes tell.

    Raises:
        InputError: it has not.
    """
    for kind, why in spec.refused_layouts.items():
        if kind in layout.kinds or kind in more:
            found, remedy = _REFUSED[kind]
            raise InputError(f"{spec.name} is not converted with {found}", found=why, remedy=remedy)


_DELTA = ("key", "value")


def check_divisible(sizes: Sizes, layout: Layout) -> None:
    """Raises InputError where TP or EP does not divide what it cuts, with the sizes that would."""
    cut = {"num_query_groups": sizes.groups, "num_attention_heads": sizes.heads}
    if len(sizes.moe_layers) < sizes.layers:
        cut["ffn_hidden_size"] = sizes.ffn
    if sizes.experts and not (layout.extend_ep or layout.whole_experts):
        cut["moe_ffn_hidden_size"] = sizes.extra["moe_ffn"]
    if sizes.linear_layers:
        cut |= {f"linear_num_{kind}_heads": sizes.extra[f"{kind}_heads"] for kind in _DELTA}
    if sizes.experts and sizes.shared_ffn:
        cut["moe_shared_expert_intermediate_size"] = sizes.shared_ffn
    good = [n for n in divisors(sizes.groups) if all(value % n == 0 for value in cut.values())]
    for name, value in cut.items():
        if value % layout.tp:
            raise InputError(
                f"{name} {value} does not divide into {layout.tp} tensor-parallel ranks",
                found=f"{value} % {layout.tp} = {value % layout.tp}",
                remedy=f"--target-tensor-parallel-size among {good}",
            )
    _check_experts(sizes, layout)


def _check_experts(sizes: Sizes, layout: Layout) -> None:
    if not sizes.experts:
        if layout.ep > 1 or layout.extend_ep or layout.grouped:
            raise InputError(
                "the model has no experts",
                found=f"EP {layout.ep}, grouped {layout.grouped}, extend-EP {layout.extend_ep}",
                remedy="leave --target-expert-parallel-size and the --moe flags out",
            )
        return
    if layout.whole_experts and (
        layout.extend_ep or (layout.tp % layout.ep and layout.ep % layout.tp)
    ):
        raise InputError(
            "--expert-tensor-parallel-size 1 does not go with the other sizes",
            found=f"TP {layout.tp}, EP {layout.ep}, extend-EP {layout.extend_ep}",
            expected="one of TP and EP a multiple of the other, no --moe-tp-extend-ep",
        )
    if layout.extend_ep and not layout.grouped:
        raise InputError(
            "--moe-tp-extend-ep without --moe-grouped-gemm has no defined format",
            found="hosts write gate and up of different experts into one tensor",
            remedy="add --moe-grouped-gemm",
        )
    buckets = layout.ep * (layout.tp if layout.extend_ep else 1)
    if sizes.experts % buckets:
        raise InputError(
            f"{sizes.experts} experts do not divide into {buckets} expert-parallel ranks",
            found=f"{sizes.experts} % {buckets} = {sizes.experts % buckets}",
            remedy=f"an expert-parallel size (times TP with --moe-tp-extend-ep) among "
            f"{divisors(sizes.experts)}",
        )
