"""Where each rank's part of a tensor begins.

Covers: ranks in the order of the mesh; hybrid meshes, where several ranks hold the same part;
uneven parts; parts that say where they begin.
Does not cover: meshes whose sharded axis is neither the first nor the last.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mindspeed_rl_ext.checkpoint.formats.fsdp.dtensor import LocalTensor
from mindspeed_rl_ext.checkpoint.tensors import Shape
from mindspeed_rl_ext.core.errors import InputError


@dataclass(frozen=True)
class RankPart:
    """One rank's part of a tensor.

    Args:
        rank: the rank.
        local: its values.
        offset: their first index on each axis; () where `whole` is not known.
        whole: the tensor's shape; () where the ranks' files do not say.
    """

    rank: int
    local: LocalTensor
    offset: Shape = ()
    whole: Shape = ()


def rank_parts(name: str, by_rank: Sequence[Sequence[LocalTensor]]) -> list[RankPart]:
    """The parts of one tensor, those without values left out.

    Args:
        name: the tensor's name.
        by_rank: what each rank holds of it, in the order of ranks.

    Raises:
        InputError: the ranks contradict each other, or do not fill the tensor.
    """
    flat = [(rank, local) for rank, held in enumerate(by_rank) for local in held]
    if not flat:
        raise InputError(f"no rank holds anything of {name}")
    kinds = {(local.whole, local.axis, local.mesh_axis, local.mesh_axes) for _, local in flat}
    if len(kinds) > 1:
        raise InputError(
            f"ranks hold {name} in different ways",
            found=f"shape, axis, mesh: {sorted(kinds, key=str)}"[:300],
            remedy="the files are of different runs; copy those of one",
        )
    first = flat[0][1]
    if first.whole is None:
        return [RankPart(rank, local) for rank, local in flat]
    if first.axis is None or first.offset is not None:
        placed = [(rank, local, local.offset or 0) for rank, local in flat]
    else:
        placed = _by_order(name, by_rank)
    return [
        RankPart(rank, local, _offset(local, at), local.whole or ())
        for rank, local, at in placed
        if min(local.values.shape, default=1)
    ]


def _offset(local: LocalTensor, at: int) -> Shape:
    axes = range(len(local.whole or ()))
    return tuple(at if axis == local.axis else 0 for axis in axes)


def _by_order(
    name: str, by_rank: Sequence[Sequence[LocalTensor]]
) -> list[tuple[int, LocalTensor, int]]:
    """Parts in the order of ranks: how many ranks share a part follows from the sizes' sum."""
    if any(len(held) != 1 for held in by_rank):
        raise InputError(f"{name} is not in the files of all ranks", remedy="copy all files again")
    locals_ = [held[0] for held in by_rank]
    first = locals_[0]
    axis, whole = first.axis or 0, first.whole or ()
    sizes = [local.values.shape[axis] for local in locals_]
    ranks, total = len(locals_), whole[axis]
    copies = sum(sizes) // total if total else 0
    if not copies or sum(sizes) % total or ranks % copies:
        raise InputError(
            f"the ranks' parts of {name} do not fill it",
            found=f"{sum(sizes)} of {total} on axis {axis}, on {ranks} ranks",
            remedy="the files are of different runs; copy those of one",
        )
    shards = ranks // copies
    if 0 < first.mesh_axis < first.mesh_axes - 1:
        raise InputError(
            f"{name} is sharded on a middle axis of its mesh, which is not read",
            found=f"axis {first.mesh_axis} of {first.mesh_axes}",
        )
    is_last = first.mesh_axis == first.mesh_axes - 1
    shard_of = [rank % shards if is_last else rank // copies for rank in range(ranks)]
    by_shard = [
        {sizes[rank] for rank in range(ranks) if shard_of[rank] == n} for n in range(shards)
    ]
    if any(len(found) != 1 for found in by_shard):
        raise InputError(
            f"ranks that hold the same part of {name} differ in its size",
            found=f"{sizes} on axis {axis}"[:200],
            remedy="the files are of different runs; copy those of one",
        )
    starts, at = [], 0
    for found in by_shard:
        starts.append(at)
        at += found.pop()
    return [(rank, local, starts[shard_of[rank]]) for rank, local in enumerate(locals_)]
